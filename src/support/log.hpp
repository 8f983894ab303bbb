#pragma once

#include <atomic>
#include <string>

#include <trapline/log.hpp>

namespace trapline::support {

void set_log_sink(LogSink function);
[[nodiscard]] bool log_enabled() noexcept;
void write_log(LogCategory category, const std::string& line);

/// Logs what the function makes, which is called only when there is a sink.
template <class Make>
void log(LogCategory category, Make&& make) {
  if (log_enabled()) write_log(category, make());
}

}  // namespace trapline::support
