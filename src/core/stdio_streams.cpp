#include "core/stdio_streams.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <trapline/error.hpp>

#include "os/error.hpp"
#include "os/quiet_write.hpp"
#include "os/terminal.hpp"
#include "support/log.hpp"
#include "support/text.hpp"

namespace trapline::core {
namespace {

constexpr std::size_t piece_size = 64 * 1024;
/// How much one look reads: a process that writes without end must not keep its reader from looking up.
constexpr std::size_t look_size = 1024 * 1024;

int milliseconds_until(StdioStreams::Clock::time_point deadline) {
  if (deadline == StdioStreams::Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - StdioStreams::Clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 1'000'000'000));
}

std::string buffered(std::string_view text) {
  constexpr std::size_t shown = 64;
  if (text.empty()) return "nothing is buffered";
  std::string result = "\"" + support::escape(text.substr(0, shown)) + "\"";
  if (text.size() > shown) result += "... of " + std::to_string(text.size()) + " bytes";
  return result + " is buffered";
}

std::string sent_of(std::size_t left, std::size_t whole) {
  return std::to_string(whole - left) + " of " + std::to_string(whole) + " bytes were sent";
}

}  // namespace

std::string StdioStreams::Source::take(std::size_t count) {
  std::string taken = buffer.take(count);
  position += taken.size();
  return taken;
}

void StdioStreams::Source::put_back(std::string_view text) {
  buffer.put_back(text);
  position -= text.size();
}

StdioStreams::Clock::time_point StdioStreams::deadline_of(const RecvOptions& options) const {
  const auto timeout = options.timeout.value_or(timeout_);
  const auto now = Clock::now();
  // Very long times mean "for ever" and must not overflow.
  return timeout > Clock::time_point::max() - now ? Clock::time_point::max() : now + timeout;
}

int StdioStreams::input_fd() const {
  if (input_closed_) return -1;
  return terminal_input_ ? terminal_.get() : input_.get();
}

void StdioStreams::check_readable(Output output) const {
  if (sources_[index(output)].connected) return;
  throw UsageError(std::string(output == Output::out ? "stdout" : "stderr") +
                   " of the process is not connected to us: run it with Stream::pipe() or Stream::pty() there");
}

std::string StdioStreams::receive(Output output, const RecvOptions& options, Wanted wanted) {
  Lock lock(mutex_);
  check_readable(output);
  const Clock::time_point deadline = deadline_of(options);
  Source& source = sources_[index(output)];
  State seen = state();
  // What is buffered is enough for many: the process is held up by its full stream, not our memory.
  bool drained = source.ended;
  for (bool looked = drained;; looked = true) {
    if (const auto length = wanted(source.arrived())) return source.take(*length);
    if (source.ended)
      throw EndOfFile("the stream has ended, and not in what was asked for: " + buffered(source.buffer.view()));
    if (drained && seen == State::at_rest && !options.wait_while_stopped) {
      throw UsageError("the process is stopped and what was asked for is not there (" + buffered(source.buffer.view()) +
                       "): call cont() first, or pass wait_while_stopped = true");
    }
    if (looked && !sleep(lock, deadline, seen, {})) {
      throw TimedOut("the stream did not bring what was asked for in the time given: " +
                     buffered(source.buffer.view()));
    }
    // What has arrived by the time that the process is seen at rest is all that can arrive.
    seen = state();
    drained = read_available();
  }
}

bool StdioStreams::read_available() {
  bool drained = true;
  bool news = false;
  for (Source& source : sources_) {
    const std::size_t before = source.buffer.view().size();
    const bool ended = source.ended;
    drained &= read_source(source);
    news |= source.buffer.view().size() != before || source.ended != ended;
  }
  if (news) wake_others();
  return drained;
}

bool StdioStreams::read_source(Source& source) {
  std::array<char, piece_size> piece;
  for (std::size_t done = 0; source.fd.valid();) {
    if (done >= look_size) return false;
    const ssize_t count = ::read(source.fd.get(), piece.data(), piece.size());
    if (count > 0) {
      source.buffer.append(std::string_view(piece.data(), static_cast<std::size_t>(count)));
      done += static_cast<std::size_t>(count);
      support::log(LogCategory::stdio, [&] { return "received " + std::to_string(count) + " bytes"; });
      continue;
    }
    if (count == -1 && errno == EINTR) continue;
    if (count == -1 && errno == EAGAIN) return true;
    // A terminal whose other side is closed answers EIO.
    source.ended = true;
    source.fd.reset();
  }
  return true;
}

bool StdioStreams::sleep(Lock& lock, Clock::time_point deadline, State seen, const Interest& interest, bool* fd_ready) {
  if (Clock::now() >= deadline) return false;
  const std::shared_ptr<RestSignal> rest = rest_;
  const RestSignal::Waiter waiter(*rest);
  // It may have changed between the caller's look and the registration, which nothing would report.
  if (rest->get() != seen) return true;
  const auto source = [&](std::size_t i) { return interest.sources ? sources_[i].fd.get() : -1; };
  std::array<pollfd, 5> polled{pollfd{waiter.fd(), POLLIN, 0},
                               {source(0), POLLIN, 0},
                               {source(1), POLLIN, 0},
                               {interest.room ? input_fd() : -1, POLLOUT, 0},
                               {interest.fd, POLLIN, 0}};
  sleepers_.push_back(&waiter);
  lock.unlock();
  ::poll(polled.data(), polled.size(), milliseconds_until(deadline));
  lock.lock();
  std::erase(sleepers_, &waiter);
  if (fd_ready != nullptr) *fd_ready = polled[4].revents != 0;
  return true;
}

void StdioStreams::wake_others() {
  for (const RestSignal::Waiter* sleeper : sleepers_) sleeper->ring();
}

ssize_t StdioStreams::write_input(std::string_view data) {
  const ssize_t count = os::write_quietly(input_fd(), data);
  if (count > 0) support::log(LogCategory::stdio, [&] { return "sent " + std::to_string(count) + " bytes"; });
  if (count > 0) line_begun_ = data[static_cast<std::size_t>(count) - 1] != '\n';
  return count == 0 ? -EAGAIN : count;
}

void StdioStreams::await_turn(Lock& lock, Clock::time_point deadline) {
  while (sending_) {
    if (!sleep(lock, deadline, state(), {.sources = false})) {
      throw TimedOut("another thread was sending all the time given; nothing was sent");
    }
  }
}

void StdioStreams::send(std::string_view data, const RecvOptions& options) {
  Lock lock(mutex_);
  const Clock::time_point deadline = deadline_of(options);
  await_turn(lock, deadline);
  sending_ = true;
  struct Turn {
    StdioStreams& streams;
    ~Turn() {
      streams.sending_ = false;
      streams.wake_others();
    }
  } const turn{*this};
  const std::size_t whole = data.size();
  while (!data.empty()) {
    if (input_fd() < 0)
      throw UsageError("stdin of the process is closed or not connected to us: " + sent_of(data.size(), whole));
    const State seen = state();
    const ssize_t count = write_input(data);
    if (count > 0) {
      data.remove_prefix(static_cast<std::size_t>(count));
      continue;
    }
    if (count == -EPIPE || count == -EIO) {
      throw EndOfFile("nobody reads stdin of the process any more: " + sent_of(data.size(), whole));
    }
    if (count != -EAGAIN && count != -EINTR) os::throw_os_error(static_cast<int>(-count), "writing to stdin", 0);
    // Its output must not fill up while we fill its input: it would wait for us, and we for it.
    read_available();
    if (seen == State::at_rest && !options.wait_while_stopped) {
      throw UsageError("the process is stopped and its stdin is full (" + sent_of(data.size(), whole) +
                       "): call cont() first, or pass wait_while_stopped = true");
    }
    if (!sleep(lock, deadline, seen, {.room = true})) {
      throw TimedOut("the process did not read its stdin in the time given: " + sent_of(data.size(), whole));
    }
  }
}

std::string StdioStreams::terminal_end() const {
  const os::EndOfFileKey key = os::end_of_file_key(terminal_.get());
  if (!key.character) return {};
  return std::string(key.by_lines && line_begun_ ? 2 : 1, *key.character);
}

void StdioStreams::close_input() {
  Lock lock(mutex_);
  if (input_fd() < 0) return;
  if (terminal_input_) {
    const std::string end = terminal_end();
    lock.unlock();
    try {
      send(end, {});
    } catch (const EndOfFile&) {
      // It has ended all by itself.
    }
    lock.lock();
  }
  forget_input();
}

void StdioStreams::forget_input() {
  input_closed_ = true;
  input_.reset();
  wake_others();
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

}  // namespace trapline::core
