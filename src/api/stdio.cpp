#include <trapline/stdio.hpp>

#include <algorithm>
#include <array>

#include "core/delimiter_search.hpp"
#include "core/stdio_streams.hpp"

namespace trapline {
namespace {

using core::StdioStreams;
using Output = StdioStreams::Output;
using Arrived = StdioStreams::Arrived;
using Wanted = std::optional<std::size_t>;

std::string receive_some(StdioStreams& streams, Output output, std::size_t max, const RecvOptions& options) {
  return streams.receive(output, options, [&](const Arrived& arrived) -> Wanted {
    if (arrived.text.empty() && max != 0) return std::nullopt;
    return std::min(max, arrived.text.size());
  });
}

std::string receive_exactly(StdioStreams& streams, Output output, std::size_t count, const RecvOptions& options) {
  return streams.receive(output, options, [&](const Arrived& arrived) -> Wanted {
    if (arrived.text.size() < count) return std::nullopt;
    return count;
  });
}

std::string receive_until(StdioStreams& streams, Output output, const Delimiters& delimiters,
                          const RecvOptions& options) {
  if (std::ranges::all_of(delimiters.list(), &std::string::empty)) throw UsageError("recvuntil() without a delimiter");
  core::DelimiterSearch search(delimiters.list(), options.occurrences);
  std::string taken = streams.receive(
      output, options, [&](const Arrived& arrived) { return search.find(arrived.text, arrived.position); });
  if (options.drop) taken.resize(taken.size() - search.delimiter_length());
  return taken;
}

std::string receive_line(StdioStreams& streams, Output output, const RecvOptions& options) {
  const std::array<std::string, 1> newline{"\n"};
  core::DelimiterSearch search(newline, 1);
  std::string line = streams.receive(output, options, [&](const Arrived& arrived) -> Wanted {
    const Wanted whole = search.find(arrived.text, arrived.position);
    if (!whole && arrived.ended && !arrived.text.empty()) return arrived.text.size();
    return whole;
  });
  if (options.drop && line.ends_with('\n')) line.pop_back();
  return line;
}

std::string receive_all(StdioStreams& streams, Output output, const RecvOptions& options) {
  return streams.receive(output, options, [](const Arrived& arrived) -> Wanted {
    if (!arrived.ended) return std::nullopt;
    return arrived.text.size();
  });
}

}  // namespace

Stdio::Stdio(std::shared_ptr<core::StdioStreams> streams) : streams_(std::move(streams)) {}

std::string Stdio::recv(std::size_t max, const RecvOptions& options) const {
  return receive_some(*streams_, Output::out, max, options);
}
std::string Stdio::recvn(std::size_t count, const RecvOptions& options) const {
  return receive_exactly(*streams_, Output::out, count, options);
}
std::string Stdio::recvuntil(const Delimiters& delimiters, const RecvOptions& options) const {
  return receive_until(*streams_, Output::out, delimiters, options);
}
std::string Stdio::recvline(const RecvOptions& options) const { return receive_line(*streams_, Output::out, options); }
std::string Stdio::recvall(const RecvOptions& options) const { return receive_all(*streams_, Output::out, options); }

std::string Stdio::recverr(std::size_t max, const RecvOptions& options) const {
  return receive_some(*streams_, Output::err, max, options);
}
std::string Stdio::recvnerr(std::size_t count, const RecvOptions& options) const {
  return receive_exactly(*streams_, Output::err, count, options);
}
std::string Stdio::recverruntil(const Delimiters& delimiters, const RecvOptions& options) const {
  return receive_until(*streams_, Output::err, delimiters, options);
}
std::string Stdio::recverrline(const RecvOptions& options) const {
  return receive_line(*streams_, Output::err, options);
}
std::string Stdio::recverrall(const RecvOptions& options) const { return receive_all(*streams_, Output::err, options); }

void Stdio::send(std::string_view data, const RecvOptions& options) const { streams_->send(data, options); }
void Stdio::sendline(std::string_view data, const RecvOptions& options) const {
  streams_->send(std::string(data) + "\n", options);
}

std::string Stdio::sendafter(const Delimiters& delimiters, std::string_view data, const RecvOptions& options) const {
  std::string received = recvuntil(delimiters, options);
  send(data, options);
  return received;
}

std::string Stdio::sendlineafter(const Delimiters& delimiters, std::string_view data,
                                 const RecvOptions& options) const {
  std::string received = recvuntil(delimiters, options);
  sendline(data, options);
  return received;
}

void Stdio::close() const { streams_->close_input(); }
void Stdio::set_timeout(std::chrono::nanoseconds timeout) const { streams_->set_timeout(timeout); }
void Stdio::set_terminal_size(TerminalSize size) const { streams_->set_terminal_size(size); }
Interaction Stdio::interactive(const InteractiveOptions& options) const { return streams_->interactive(options); }

}  // namespace trapline
