#include <trapline/stdio.hpp>

#include <algorithm>

#include "core/stdio_streams.hpp"

namespace trapline {
namespace {

using core::StdioStreams;
using Output = StdioStreams::Output;
using Wanted = StdioStreams::Wanted;

std::string receive_some(StdioStreams& streams, Output output, std::size_t max, const RecvOptions& options) {
  return streams.receive(output, options, [&](const std::string& buffer, bool) -> Wanted {
    if (buffer.empty()) return std::nullopt;
    return std::min(max, buffer.size());
  });
}

std::string receive_exactly(StdioStreams& streams, Output output, std::size_t count, const RecvOptions& options) {
  return streams.receive(output, options, [&](const std::string& buffer, bool) -> Wanted {
    if (buffer.size() < count) return std::nullopt;
    return count;
  });
}

/// Where a delimiter ends, and how long it is.
struct Found {
  std::size_t end = std::string::npos;
  std::size_t length = 0;
};

Found find_delimiter(const std::string& buffer, const Delimiters& delimiters, std::size_t from) {
  Found best;
  for (const std::string& delimiter : delimiters.list()) {
    const std::size_t at = buffer.find(delimiter, from);
    if (at == std::string::npos || delimiter.empty()) continue;
    if (best.end == std::string::npos || at + delimiter.size() < best.end) best = {at + delimiter.size(), delimiter.size()};
  }
  return best;
}

std::string receive_until(StdioStreams& streams, Output output, const Delimiters& delimiters, const RecvOptions& options) {
  if (std::ranges::all_of(delimiters.list(), [](const std::string& text) { return text.empty(); })) {
    throw UsageError("recvuntil() without a delimiter");
  }
  Found last;
  std::string taken = streams.receive(output, options, [&](const std::string& buffer, bool) -> Wanted {
    std::size_t from = 0;
    for (std::size_t n = 0; n < std::max<std::size_t>(options.occurrences, 1); ++n) {
      last = find_delimiter(buffer, delimiters, from);
      if (last.end == std::string::npos) return std::nullopt;
      from = last.end;
    }
    return from;
  });
  if (options.drop) taken.resize(taken.size() - last.length);
  return taken;
}

std::string receive_line(StdioStreams& streams, Output output, const RecvOptions& options) {
  std::string line = streams.receive(output, options, [](const std::string& buffer, bool ended) -> Wanted {
    const std::size_t at = buffer.find('\n');
    if (at != std::string::npos) return at + 1;
    if (ended && !buffer.empty()) return buffer.size();
    return std::nullopt;
  });
  if (options.drop && line.ends_with('\n')) line.pop_back();
  return line;
}

std::string receive_all(StdioStreams& streams, Output output, const RecvOptions& options) {
  return streams.receive(output, options, [](const std::string& buffer, bool ended) -> Wanted {
    if (!ended) return std::nullopt;
    return buffer.size();
  });
}

}  // namespace

Stdio::Stdio(std::shared_ptr<core::StdioStreams> streams) : streams_(std::move(streams)) {}

std::string Stdio::recv(std::size_t max, const RecvOptions& options) const { return receive_some(*streams_, Output::out, max, options); }
std::string Stdio::recvn(std::size_t count, const RecvOptions& options) const { return receive_exactly(*streams_, Output::out, count, options); }
std::string Stdio::recvuntil(const Delimiters& delimiters, const RecvOptions& options) const {
  return receive_until(*streams_, Output::out, delimiters, options);
}
std::string Stdio::recvline(const RecvOptions& options) const { return receive_line(*streams_, Output::out, options); }
std::string Stdio::recvall(const RecvOptions& options) const { return receive_all(*streams_, Output::out, options); }

std::string Stdio::recverr(std::size_t max, const RecvOptions& options) const { return receive_some(*streams_, Output::err, max, options); }
std::string Stdio::recvnerr(std::size_t count, const RecvOptions& options) const {
  return receive_exactly(*streams_, Output::err, count, options);
}
std::string Stdio::recverruntil(const Delimiters& delimiters, const RecvOptions& options) const {
  return receive_until(*streams_, Output::err, delimiters, options);
}
std::string Stdio::recverrline(const RecvOptions& options) const { return receive_line(*streams_, Output::err, options); }
std::string Stdio::recverrall(const RecvOptions& options) const { return receive_all(*streams_, Output::err, options); }

void Stdio::send(std::string_view data, const RecvOptions& options) const { streams_->send(data, options); }
void Stdio::sendline(std::string_view data, const RecvOptions& options) const { streams_->send(std::string(data) + "\n", options); }

std::string Stdio::sendafter(const Delimiters& delimiters, std::string_view data, const RecvOptions& options) const {
  std::string received = recvuntil(delimiters, options);
  send(data, options);
  return received;
}

std::string Stdio::sendlineafter(const Delimiters& delimiters, std::string_view data, const RecvOptions& options) const {
  std::string received = recvuntil(delimiters, options);
  sendline(data, options);
  return received;
}

void Stdio::close() const { streams_->close_input(); }
void Stdio::set_timeout(std::chrono::nanoseconds timeout) const { streams_->set_timeout(timeout); }
void Stdio::set_terminal_size(TerminalSize size) const { streams_->set_terminal_size(size); }
void Stdio::interactive(int in, int out) const { streams_->interactive(in, out); }

}  // namespace trapline
