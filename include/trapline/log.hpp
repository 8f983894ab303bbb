#pragma once

#include <functional>
#include <initializer_list>
#include <string_view>

#include <trapline/types.hpp>

namespace trapline {

/// What a log line is about.
enum class LogCategory {
  process,  ///< launched, attached to, let go, dead
  event,    ///< what the kernel reports of a thread
  syscall,  ///< an enter or exit, after its handlers
  invoke,   ///< what invoke_syscall executed
  stdio,    ///< what the streams carried
  hint,     ///< why something that you handle may never have come: said at the end of a process
};

using LogSink = std::function<void(LogCategory, std::string_view)>;

/// Sends the library's log to the sink, on whatever thread it arises; an empty one (the default) turns it off. The sink
/// must not call trapline. With categories it gets those only, and the others cost nothing.
TRAPLINE_API void set_log_sink(LogSink sink, std::initializer_list<LogCategory> only = {});

}  // namespace trapline
