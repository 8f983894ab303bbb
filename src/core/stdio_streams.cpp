#include "core/stdio_streams.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include <trapline/error.hpp>

#include "os/error.hpp"
#include "os/terminal.hpp"
#include "support/text.hpp"

namespace trapline::core {
namespace {

constexpr std::size_t piece_size = 64 * 1024;

void set_non_blocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

support::Fd open_file(const Stream& stream, bool input) {
  const int flags = input ? O_RDONLY : O_WRONLY | O_CREAT | (stream.append ? O_APPEND : O_TRUNC);
  const std::string path = stream.kind == Stream::Kind::null ? "/dev/null" : stream.path.string();
  support::Fd file(::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0666));
  if (!file.valid()) os::throw_os_error(errno, "opening " + path + " for the process", 0);
  return file;
}

/// A write to a pipe that nobody reads raises SIGPIPE on the thread; ours is taken back, one that was pending before stays.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutSigpipe() {
    const timespec at_once{};
    if (!was_pending_) {
      while (sigtimedwait(&pipe_, nullptr, &at_once) == -1 && errno == EINTR) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_;
};

ssize_t write_quietly(int fd, std::string_view data) {
  const WithoutSigpipe guard;
  const ssize_t count = ::write(fd, data.data(), data.size());
  return count == -1 ? -errno : count;
}

int milliseconds_until(StdioStreams::Clock::time_point deadline) {
  if (deadline == StdioStreams::Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - StdioStreams::Clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 1'000'000'000));
}

}  // namespace

StdioStreams::StdioStreams(const StdioOptions& options) : timeout_(options.timeout) {
  const std::array<const Stream*, 3> streams{&options.in, &options.out, &options.err};
  os::Terminal terminal;
  const auto is_pty = [](const Stream* stream) { return stream->kind == Stream::Kind::pty; };
  if (std::ranges::any_of(streams, is_pty)) {
    terminal = os::open_terminal(options.size.rows, options.size.columns);
    set_non_blocking(terminal.master.get());
    child_terminal_ = true;
  }
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const Stream& stream = *streams[i];
    const bool input = i == 0;
    switch (stream.kind) {
      case Stream::Kind::inherit: break;
      case Stream::Kind::file:
      case Stream::Kind::null: child_[i] = open_file(stream, input); break;
      case Stream::Kind::pipe: {
        support::Pipe pipe = support::make_pipe();
        support::Fd& ours = input ? input_ : sources_[i - 1].fd;
        ours = std::move(input ? pipe.write_end : pipe.read_end);
        child_[i] = std::move(input ? pipe.read_end : pipe.write_end);
        set_non_blocking(ours.get());
        if (!input) sources_[i - 1].connected = true;
        break;
      }
      case Stream::Kind::pty: {
        child_[i].reset(::fcntl(terminal.slave.get(), F_DUPFD_CLOEXEC, 0));
        // Both outputs come out of one terminal, as one stream: stdout's, or stderr's when only that is a terminal.
        if (input) terminal_input_ = true;
        if (i == 1 || (i == 2 && !is_pty(streams[1]))) {
          sources_[i - 1].fd.reset(::fcntl(terminal.master.get(), F_DUPFD_CLOEXEC, 0));
          sources_[i - 1].connected = true;
        }
        break;
      }
    }
  }
  terminal_ = std::move(terminal.master);
}

std::array<int, 3> StdioStreams::child_fds() const { return {child_[0].get(), child_[1].get(), child_[2].get()}; }

std::optional<int> StdioStreams::controlling_tty() const {
  if (!child_terminal_) return std::nullopt;
  for (const auto& fd : child_) {
    if (fd.valid() && ::isatty(fd.get()) == 1) return fd.get();
  }
  return std::nullopt;
}

void StdioStreams::child_started() {
  for (auto& fd : child_) fd.reset();
}

StdioStreams::Clock::time_point StdioStreams::deadline_of(const RecvOptions& options) const {
  const auto timeout = options.timeout.value_or(timeout_);
  const auto now = Clock::now();
  // Very long times mean "for ever" and must not overflow.
  return timeout > Clock::time_point::max() - now ? Clock::time_point::max() : now + timeout;
}

void StdioStreams::check_readable(Output output) const {
  if (sources_[index(output)].connected) return;
  throw UsageError(std::string(output == Output::out ? "stdout" : "stderr") +
                   " of the process is not connected to us: run it with Stream::pipe() or Stream::pty() there");
}

void StdioStreams::read_source(Source& source) {
  while (source.fd.valid()) {
    const std::size_t have = source.buffer.size();
    source.buffer.resize(have + piece_size);
    const ssize_t count = ::read(source.fd.get(), source.buffer.data() + have, piece_size);
    const int error = errno;
    source.buffer.resize(have + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count > 0) continue;
    if (count == -1 && (error == EAGAIN || error == EINTR)) return;
    // A terminal whose other side is closed answers EIO.
    source.ended = true;
    source.fd.reset();
  }
}

void StdioStreams::read_available() {
  for (Source& source : sources_) read_source(source);
}

void StdioStreams::throw_ended(const Source& source) {
  constexpr std::size_t shown = 64;
  std::string text = "the stream has ended";
  if (!source.buffer.empty()) {
    text += " and holds only \"" + support::escape(std::string_view(source.buffer).substr(0, shown)) + "\"";
    if (source.buffer.size() > shown) text += "... of " + std::to_string(source.buffer.size()) + " bytes";
  }
  throw EndOfFile(text);
}

void StdioStreams::throw_at_rest() {
  throw UsageError(
      "the process is stopped and nothing fitting is buffered: call cont() first, or pass wait_while_stopped = true");
}

void StdioStreams::wait(Clock::time_point deadline, bool for_room) {
  std::optional<RestSignal::Waiter> waiter;
  if (rest_) waiter.emplace(*rest_);
  const bool was_resting = at_rest();
  std::array<pollfd, 4> polled{};
  {
    const std::lock_guard lock(mutex_);
    polled[0] = {for_room ? (terminal_input_ ? terminal_.get() : input_.get()) : -1, POLLOUT, 0};
    polled[1] = {sources_[0].fd.get(), POLLIN, 0};
    polled[2] = {sources_[1].fd.get(), POLLIN, 0};
  }
  polled[3] = {waiter ? waiter->fd() : -1, POLLIN, 0};
  // It may have stopped between the caller's look and the registration, which nothing would report.
  if (was_resting != at_rest()) return;
  if (Clock::now() >= deadline) throw TimedOut("the stream did not bring what was asked for in the time given");
  ::poll(polled.data(), polled.size(), milliseconds_until(deadline));
}

void StdioStreams::send(std::string_view data, const RecvOptions& options) {
  const Clock::time_point deadline = deadline_of(options);
  const std::size_t whole = data.size();
  while (!data.empty()) {
    {
      const std::lock_guard lock(mutex_);
      const int fd = terminal_input_ ? terminal_.get() : input_.get();
      if (fd < 0) throw UsageError("stdin of the process is closed or not connected to us");
      const bool resting = at_rest();
      const ssize_t count = write_quietly(fd, data);
      if (count > 0) {
        data.remove_prefix(static_cast<std::size_t>(count));
        continue;
      }
      if (count == -EPIPE || count == -EIO) {
        throw EndOfFile("nobody reads stdin of the process any more; " + std::to_string(whole - data.size()) + " of " +
                        std::to_string(whole) + " bytes were sent");
      }
      if (count != -EAGAIN && count != -EINTR) os::throw_os_error(static_cast<int>(-count), "write to stdin", 0);
      // Its output must not fill up while we fill its input: it would wait for us, and we for it.
      read_available();
      if (resting && !options.wait_while_stopped) {
        throw UsageError("the process is stopped and its stdin is full: " + std::to_string(data.size()) +
                         " bytes are left; call cont() first, or pass wait_while_stopped = true");
      }
    }
    wait(deadline, true);
  }
}

void StdioStreams::close_input() {
  const std::lock_guard lock(mutex_);
  if (terminal_input_ && terminal_.valid()) {
    const char end = os::end_of_file_character(terminal_.get());
    static_cast<void>(write_quietly(terminal_.get(), std::string_view(&end, 1)));
    return;
  }
  input_.reset();
}

void StdioStreams::set_timeout(std::chrono::nanoseconds timeout) {
  const std::lock_guard lock(mutex_);
  timeout_ = timeout;
}

void StdioStreams::set_terminal_size(TerminalSize size) {
  const std::lock_guard lock(mutex_);
  if (!terminal_.valid()) throw UsageError("the process has no terminal of ours: run it with Stream::pty()");
  os::resize_terminal(terminal_.get(), size.rows, size.columns);
}

void StdioStreams::interactive(int in, int out) {
  std::optional<os::RawMode> raw;
  if (terminal_input_) raw.emplace(in);
  bool input_open = true;
  std::array<char, 4096> keys{};
  for (;;) {
    std::array<std::string, 2> arrived;
    bool ended = false;
    int source_fds[2];
    {
      const std::lock_guard lock(mutex_);
      read_available();
      for (std::size_t i = 0; i < sources_.size(); ++i) {
        arrived[i].swap(sources_[i].buffer);
        source_fds[i] = sources_[i].fd.get();
      }
      ended = std::ranges::all_of(sources_, [](const Source& source) { return !source.connected || source.ended; });
    }
    for (const std::string& text : arrived) {
      for (std::string_view left = text; !left.empty();) {
        const ssize_t count = write_quietly(out, left);
        if (count == -EINTR || count == -EAGAIN) continue;
        if (count < 0) os::throw_os_error(static_cast<int>(-count), "write", 0);
        left.remove_prefix(static_cast<std::size_t>(count));
      }
    }
    if (ended) return;
    std::array<pollfd, 3> polled{pollfd{input_open ? in : -1, POLLIN, 0}, {source_fds[0], POLLIN, 0}, {source_fds[1], POLLIN, 0}};
    ::poll(polled.data(), polled.size(), -1);
    if (polled[0].revents == 0) continue;
    const ssize_t count = ::read(in, keys.data(), keys.size());
    if (count > 0) {
      try {
        send(std::string_view(keys.data(), static_cast<std::size_t>(count)), {.wait_while_stopped = true});
      } catch (const EndOfFile&) {
        input_open = false;
      }
    } else if (count == 0 || errno != EINTR) {
      close_input();
      input_open = false;
    }
  }
}

}  // namespace trapline::core
