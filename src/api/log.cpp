#include <trapline/log.hpp>

#include "support/log.hpp"

namespace trapline {

void set_log_sink(LogSink sink, std::initializer_list<LogCategory> only) {
  support::set_log_sink(std::move(sink), only);
}

}  // namespace trapline
