#include "support/log.hpp"

#include <memory>
#include <mutex>

namespace trapline::support {
namespace {

std::atomic<bool> enabled{false};

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

void set_log_sink(LogSink function) {
  const std::lock_guard lock(sink().mutex);
  enabled = static_cast<bool>(function);
  sink().function = function ? std::make_shared<const LogSink>(std::move(function)) : nullptr;
}

bool log_enabled() noexcept { return enabled.load(std::memory_order_relaxed); }

void write_log(LogCategory category, const std::string& line) {
  std::shared_ptr<const LogSink> function;
  {
    const std::lock_guard lock(sink().mutex);
    function = sink().function;
  }
  if (function) (*function)(category, line);
}

}  // namespace trapline::support
