#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trapline/stdio.hpp>

#include "core/rest_signal.hpp"
#include "os/terminal.hpp"
#include "support/byte_queue.hpp"
#include "support/fd.hpp"
#include "support/function_ref.hpp"

namespace trapline::core {

/// The host's ends of a launched process's streams, and what was read from them and not yet asked for.
class StdioStreams {
 public:
  using Clock = std::chrono::steady_clock;
  using State = RestSignal::State;
  enum class Output { out, err };

  /// What a reception chooses from.
  struct Arrived {
    std::string_view text;
    /// Where the text begins in the stream; it changes when somebody takes from it.
    std::uint64_t position;
    /// Nothing comes after it.
    bool ended;
  };
  /// How much of it satisfies the reception, or nothing as yet.
  using Wanted = support::FunctionRef<std::optional<std::size_t>(const Arrived&)>;

  explicit StdioStreams(const StdioOptions& options);

  // For the launch.
  [[nodiscard]] std::array<int, 3> child_fds() const;
  [[nodiscard]] std::optional<int> controlling_tty() const;
  void child_started();
  void bind(std::shared_ptr<RestSignal> rest);
  /// The process is another one from now on.
  void unbind();

  /// Reads until `wanted` says how much of the stream's buffer is meant, and returns that much.
  std::string receive(Output output, const RecvOptions& options, Wanted wanted);
  void send(std::string_view data, const RecvOptions& options);
  void close_input();
  void set_timeout(std::chrono::nanoseconds timeout);
  void set_terminal_size(TerminalSize size);
  Interaction interactive(const InteractiveOptions& options);

 private:
  using Lock = std::unique_lock<std::mutex>;

  struct Source {
    support::Fd fd;
    support::ByteQueue buffer;
    std::uint64_t position = 0;
    bool ended = false;
    bool connected = false;

    [[nodiscard]] Arrived arrived() const { return {buffer.view(), position, ended}; }
    std::string take(std::size_t count);
    void put_back(std::string_view text);
  };

  /// What ends a sleep, beside a change of the process and another thread's news.
  struct Interest {
    bool sources = true;
    bool room = false;
    int fd = -1;
  };

  static std::size_t index(Output output) { return output == Output::out ? 0 : 1; }
  [[nodiscard]] Clock::time_point deadline_of(const RecvOptions& options) const;
  [[nodiscard]] State state() const { return rest_->get(); }
  [[nodiscard]] int input_fd() const;

  // The lock is held in all that follow.
  void connect_pipe(std::size_t stream);
  void connect_terminal(std::size_t stream, const support::Fd& slave);
  void check_readable(Output output) const;
  /// Moves what the streams hold into the buffers, within bounds; true when nothing is left in them.
  bool read_available();
  static bool read_source(Source& source);
  /// Writes what there is room for; the number of bytes, or -errno.
  ssize_t write_input(std::string_view data);
  void await_turn(Lock& lock, Clock::time_point deadline);
  /// What makes a reader see the end of the terminal.
  [[nodiscard]] std::string terminal_end() const;
  /// Unlocks until a stream is ready, or the process is in another state than it was `seen` in, or another thread has
  /// changed something here; false when the time ran out before. True in `fd_ready` when that was readable.
  bool sleep(Lock& lock, Clock::time_point deadline, State seen, const Interest& interest, bool* fd_ready = nullptr);
  void wake_others();

  void forget_input();

  // For interactive(). These two unlock while they read and write the host's descriptors.
  void deliver(Lock& lock, int out);
  /// False at the end of `in`.
  bool read_typed(Lock& lock, int in);
  /// Writes what there is room for; false when nothing more can be written.
  bool relay_typed();
  void end_typed();
  void follow_size(int in, std::optional<os::WindowSize>& last);
  [[nodiscard]] std::optional<Interaction> finished(bool in_open, State seen, const InteractiveOptions& options) const;

  std::mutex mutex_;
  std::array<Source, 2> sources_;
  support::Fd input_;
  /// Stdin is the terminal.
  bool terminal_input_ = false;
  bool input_closed_ = false;
  /// The terminal holds the beginning of a line that its reader does not see yet.
  bool line_begun_ = false;
  /// A thread is in the middle of its text.
  bool sending_ = false;
  /// Read by interactive() and not yet sent.
  std::string typed_;
  bool close_when_relayed_ = false;
  support::Fd terminal_;
  std::array<support::Fd, 3> child_;
  std::optional<std::size_t> child_terminal_;
  std::chrono::nanoseconds timeout_;
  std::shared_ptr<RestSignal> rest_ = std::make_shared<RestSignal>();
  /// Threads that sleep here: what one thread reads, the others' polls do not see any more.
  std::vector<const RestSignal::Waiter*> sleepers_;
};

}  // namespace trapline::core
