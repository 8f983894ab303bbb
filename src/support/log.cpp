#include "support/log.hpp"

#include <memory>
#include <mutex>

namespace trapline::support {
namespace {

/// A bit for each category.
std::atomic<unsigned> enabled{0};

unsigned bit(LogCategory category) { return 1U << static_cast<unsigned>(category); }

struct Sink {
  std::mutex mutex;
  std::shared_ptr<const LogSink> function;
};

Sink& sink() {
  // Never destroyed: threads of the library may log while the host's statics go.
  static Sink* const instance = new Sink;
  return *instance;
}

}  // namespace

void set_log_sink(LogSink function, std::initializer_list<LogCategory> only) {
  unsigned wanted = only.size() == 0 ? ~0U : 0;
  for (const LogCategory category : only) wanted |= bit(category);
  const std::lock_guard lock(sink().mutex);
  enabled = function ? wanted : 0;
  sink().function = function ? std::make_shared<const LogSink>(std::move(function)) : nullptr;
}

bool log_enabled(LogCategory category) noexcept {
  return (enabled.load(std::memory_order_relaxed) & bit(category)) != 0;
}

void write_log(LogCategory category, const std::string& line) {
  std::shared_ptr<const LogSink> function;
  {
    const std::lock_guard lock(sink().mutex);
    function = sink().function;
  }
  if (function) (*function)(category, line);
}

}  // namespace trapline::support
