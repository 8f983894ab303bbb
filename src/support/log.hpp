#pragma once

#include <atomic>
#include <string>

#include <trapline/log.hpp>

namespace trapline::support {

/// For these categories, or for all when none is given.
void set_log_sink(LogSink function, std::initializer_list<LogCategory> only);
[[nodiscard]] bool log_enabled(LogCategory category) noexcept;
void write_log(LogCategory category, const std::string& line);

/// Logs what the function makes, which is called only when there is a sink.
template <class Make>
void log(LogCategory category, Make&& make) {
  if (log_enabled(category)) write_log(category, make());
}

}  // namespace trapline::support
