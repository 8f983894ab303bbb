#include <trapline/log.hpp>

#include "support/log.hpp"

namespace trapline {

void set_log_sink(LogSink sink) { support::set_log_sink(std::move(sink)); }

}  // namespace trapline
