#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <trapline/stdio.hpp>

#include "core/rest_signal.hpp"
#include "support/fd.hpp"

namespace trapline::core {

/// The host's ends of a launched process's streams, and what was read from them and not yet asked for.
class StdioStreams {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Output { out, err };
  /// How much of a buffer satisfies a reception: its length, or nothing as yet.
  using Wanted = std::optional<std::size_t>;

  explicit StdioStreams(const StdioOptions& options);

  // For the launch.
  [[nodiscard]] std::array<int, 3> child_fds() const;
  [[nodiscard]] std::optional<int> controlling_tty() const;
  void child_started();
  void bind(std::shared_ptr<RestSignal> rest) { rest_ = std::move(rest); }

  /// Reads until `wanted(buffer, ended)` says how much of the buffer is meant, and returns that much.
  template <class F>
  std::string receive(Output output, const RecvOptions& options, F&& wanted) {
    const Clock::time_point deadline = deadline_of(options);
    for (;;) {
      std::unique_lock lock(mutex_);
      Source& source = sources_[index(output)];
      check_readable(output);
      // What has arrived by the time that the process is seen at rest is all that can arrive.
      const bool resting = at_rest();
      read_available();
      if (const Wanted length = wanted(source.buffer, source.ended)) {
        std::string taken = source.buffer.substr(0, *length);
        source.buffer.erase(0, *length);
        return taken;
      }
      if (source.ended) throw_ended(source);
      lock.unlock();
      if (resting && !options.wait_while_stopped) throw_at_rest();
      wait(deadline, false);
    }
  }
  void send(std::string_view data, const RecvOptions& options);
  void close_input();
  void set_timeout(std::chrono::nanoseconds timeout);
  void set_terminal_size(TerminalSize size);
  void interactive(int in, int out);

 private:
  struct Source {
    support::Fd fd;
    std::string buffer;
    bool ended = false;
    bool connected = false;
  };

  static std::size_t index(Output output) { return output == Output::out ? 0 : 1; }
  [[nodiscard]] Clock::time_point deadline_of(const RecvOptions& options) const;
  [[nodiscard]] bool at_rest() const { return rest_ && rest_->get() == RestSignal::State::at_rest; }
  void check_readable(Output output) const;
  /// Moves what the streams hold into the buffers; the lock is held.
  void read_available();
  static void read_source(Source& source);
  /// Sleeps until a stream has something, the process stops or goes on, or (for a writer) there is room; throws TimedOut.
  void wait(Clock::time_point deadline, bool for_room);
  [[noreturn]] static void throw_ended(const Source& source);
  [[noreturn]] static void throw_at_rest();

  std::mutex mutex_;
  std::array<Source, 2> sources_;
  support::Fd input_;
  /// One end for input and output.
  bool terminal_input_ = false;
  support::Fd terminal_;
  std::array<support::Fd, 3> child_;
  bool child_terminal_ = false;
  std::chrono::nanoseconds timeout_;
  std::shared_ptr<RestSignal> rest_;
};

}  // namespace trapline::core
