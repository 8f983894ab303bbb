#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/stdio_streams.hpp"
#include "os/error.hpp"
#include "os/quiet_write.hpp"
#include "os/terminal.hpp"

namespace trapline::core {
namespace {

/// Returns what could not be written, and why; the host's descriptor may be non-blocking.
struct Unwritten {
  std::string_view text;
  int error = 0;
};

Unwritten write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = os::write_quietly(fd, text);
    if (count > 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
    } else if (count == -EAGAIN) {
      pollfd room{fd, POLLOUT, 0};
      ::poll(&room, 1, -1);
    } else if (count != -EINTR) {
      return {text, static_cast<int>(-count)};
    }
  }
  return {};
}

/// poll takes a negative descriptor for one that never has anything.
void check_open(int fd) {
  if (::fcntl(fd, F_GETFD) == -1) os::throw_os_error(errno, "interactive() with descriptor " + std::to_string(fd), 0);
}

}  // namespace

Interaction StdioStreams::interactive(const InteractiveOptions& options) {
  check_open(options.in);
  check_open(options.out);
  std::optional<os::RawMode> raw;
  if (terminal_input_) raw.emplace(options.in);
  std::optional<os::WindowSize> size;
  Lock lock(mutex_);
  bool in_open = input_fd() >= 0;
  for (;;) {
    const State seen = state();
    const bool drained = read_available();
    deliver(lock, options.out);
    if (terminal_input_) follow_size(options.in, size);
    if (!relay_typed()) in_open = false;
    if (drained) {
      if (const auto end = finished(in_open, seen, options)) return *end;
    }
    bool typed = false;
    const int in = in_open && typed_.empty() ? options.in : -1;
    sleep(lock, Clock::time_point::max(), seen, {.room = !typed_.empty(), .fd = in}, &typed);
    if (typed && !read_typed(lock, options.in)) {
      in_open = false;
      end_typed();
    }
  }
}

void StdioStreams::deliver(Lock& lock, int out) {
  for (Source& source : sources_) {
    const std::string text = source.take(source.buffer.view().size());
    if (text.empty()) continue;
    // The host's terminal may keep us waiting, other threads not.
    lock.unlock();
    const Unwritten left = write_all(out, text);
    lock.lock();
    if (left.error == 0) continue;
    source.put_back(left.text);
    wake_others();
    os::throw_os_error(left.error, "writing what the process printed", 0);
  }
}

bool StdioStreams::read_typed(Lock& lock, int in) {
  std::array<char, 4096> keys{};
  lock.unlock();
  const ssize_t count = ::read(in, keys.data(), keys.size());
  const int error = errno;
  lock.lock();
  if (count > 0) typed_.append(keys.data(), static_cast<std::size_t>(count));
  // A terminal that hung up answers EIO.
  if (count > 0 || (count == -1 && (error == EINTR || error == EAGAIN))) return true;
  if (count == -1 && error != EIO) os::throw_os_error(error, "reading what the process is to get", 0);
  return false;
}

bool StdioStreams::relay_typed() {
  while (input_fd() >= 0 && !typed_.empty() && !sending_) {
    const ssize_t count = write_input(typed_);
    if (count > 0) {
      typed_.erase(0, static_cast<std::size_t>(count));
    } else if (count == -EAGAIN) {
      break;
    } else if (count != -EINTR) {
      typed_.clear();
      return false;
    }
  }
  if (close_when_relayed_ && typed_.empty()) forget_input();
  if (input_fd() < 0) typed_.clear();
  return input_fd() >= 0 && !close_when_relayed_;
}

void StdioStreams::end_typed() {
  if (input_fd() < 0) return;
  if (terminal_input_) typed_ += terminal_end();
  close_when_relayed_ = true;
}

void StdioStreams::follow_size(int in, std::optional<os::WindowSize>& last) {
  const auto size = os::terminal_size(in);
  if (!size || size == last) return;
  last = size;
  if (size->rows != 0 && size->columns != 0) os::resize_terminal(terminal_.get(), size->rows, size->columns);
}

std::optional<Interaction> StdioStreams::finished(bool in_open, State seen, const InteractiveOptions& options) const {
  const auto silent = [](const Source& source) { return !source.connected || source.ended; };
  const bool mute = std::ranges::none_of(sources_, &Source::connected);
  const bool no_more_keys = !in_open && typed_.empty();
  if (seen == State::dead || (mute ? no_more_keys : std::ranges::all_of(sources_, silent))) return Interaction::ended;
  if (seen == State::at_rest && !options.wait_while_stopped) return Interaction::stopped;
  return std::nullopt;
}

}  // namespace trapline::core
