#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "core/stdio_streams.hpp"
#include "os/error.hpp"
#include "os/terminal.hpp"

namespace trapline::core {
namespace {

constexpr std::size_t input_stream = 0;
constexpr std::size_t output_stream = 1;
constexpr std::size_t error_stream = 2;

void set_non_blocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

support::Fd duplicate(int fd) {
  constexpr int behind_stdio = 3;
  support::Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, behind_stdio));
  if (!copy.valid()) os::throw_os_error(errno, "duplicating a descriptor for the process", 0);
  return copy;
}

/// A host that has closed its stdin would otherwise get a pipe of ours there, and print into it.
support::Fd behind_stdio(support::Fd fd) { return fd.get() > 2 ? std::move(fd) : duplicate(fd.get()); }

support::Fd open_file(const Stream& stream, bool input) {
  const int flags = input ? O_RDONLY : O_WRONLY | O_CREAT | (stream.append ? O_APPEND : O_TRUNC);
  const std::string path = stream.kind == Stream::Kind::null ? "/dev/null" : stream.path.string();
  support::Fd file(::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0666));
  if (!file.valid()) os::throw_os_error(errno, "opening " + path + " for the process", 0);
  return behind_stdio(std::move(file));
}

bool same_file(const Stream& a, const Stream& b) {
  return a.kind == Stream::Kind::file && b.kind == Stream::Kind::file && a.path == b.path && a.append == b.append;
}

}  // namespace

StdioStreams::StdioStreams(const StdioOptions& options) : timeout_(options.timeout) {
  rest_->set(State::detached);
  const std::array<const Stream*, 3> streams{&options.in, &options.out, &options.err};
  os::Terminal terminal;
  if (std::ranges::any_of(streams, [](const Stream* stream) { return stream->kind == Stream::Kind::pty; })) {
    terminal = os::open_terminal(options.size.rows, options.size.columns);
    terminal_ = behind_stdio(std::move(terminal.master));
    set_non_blocking(terminal_.get());
  }
  for (std::size_t i = 0; i < streams.size(); ++i) {
    switch (streams[i]->kind) {
      case Stream::Kind::inherit: break;
      case Stream::Kind::file:
      case Stream::Kind::null:
        // With a position of its own each would overwrite what the other wrote.
        child_[i] = i == error_stream && same_file(options.out, options.err)
                        ? duplicate(child_[output_stream].get())
                        : open_file(*streams[i], i == input_stream);
        break;
      case Stream::Kind::pipe: connect_pipe(i); break;
      case Stream::Kind::pty: connect_terminal(i, terminal.slave); break;
    }
  }
}

void StdioStreams::connect_pipe(std::size_t stream) {
  support::Pipe pipe = support::make_pipe();
  pipe = {behind_stdio(std::move(pipe.read_end)), behind_stdio(std::move(pipe.write_end))};
  const bool input = stream == input_stream;
  support::Fd& ours = input ? input_ : sources_[stream - 1].fd;
  ours = std::move(input ? pipe.write_end : pipe.read_end);
  child_[stream] = std::move(input ? pipe.read_end : pipe.write_end);
  set_non_blocking(ours.get());
  if (!input) sources_[stream - 1].connected = true;
}

void StdioStreams::connect_terminal(std::size_t stream, const support::Fd& slave) {
  child_[stream] = duplicate(slave.get());
  if (stream == input_stream) terminal_input_ = true;
  // Both outputs come out of one terminal, as one stream: stdout's, or stderr's when only that is a terminal.
  if (stream == output_stream || (stream == error_stream && child_terminal_ != output_stream)) {
    sources_[stream - 1].fd = duplicate(terminal_.get());
    sources_[stream - 1].connected = true;
  }
  child_terminal_ = stream;
}

std::array<int, 3> StdioStreams::child_fds() const { return {child_[0].get(), child_[1].get(), child_[2].get()}; }

std::optional<int> StdioStreams::controlling_tty() const {
  if (!child_terminal_) return std::nullopt;
  return child_[*child_terminal_].get();
}

void StdioStreams::child_started() {
  for (auto& fd : child_) fd.reset();
}

void StdioStreams::bind(std::shared_ptr<RestSignal> rest) {
  const std::lock_guard lock(mutex_);
  rest_ = std::move(rest);
}

void StdioStreams::unbind() {
  auto none = std::make_shared<RestSignal>();
  none->set(State::detached);
  bind(std::move(none));
}

}  // namespace trapline::core
