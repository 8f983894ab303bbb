#include "core/breakpoint_trap.hpp"

#include <utility>

#include <trapline/error.hpp>

#include "core/process.hpp"

namespace trapline::core {
namespace {

template <class Options>
void take_common(BreakpointTrap& trap, Options& options) {
  if (options.callback) trap.callback = std::make_shared<const BreakpointCallback>(std::move(options.callback));
  trap.pending_allowed = options.pending;
  trap.condition = std::move(options.condition);
  trap.thread = std::move(options.thread);
  trap.once = options.once;
  trap.ignore_count = options.ignore_count;
}

void refuse_empty(const Location& location) {
  if (!location.address() && location.text().empty()) {
    throw UsageError("an empty location: give an address or the name of a symbol");
  }
}

}  // namespace

std::shared_ptr<BreakpointTrap> make_breakpoint(const Location& location, BreakpointOptions options) {
  auto trap = std::make_shared<BreakpointTrap>(location);
  take_common(*trap, options);
  refuse_empty(location);
  trap->hardware = options.hardware;
  return trap;
}

std::shared_ptr<BreakpointTrap> make_watchpoint(const Location& location, WatchpointOptions options) {
  auto trap = std::make_shared<BreakpointTrap>(location);
  take_common(*trap, options);
  refuse_empty(location);
  trap->hardware = true;
  trap->access = options.access;
  trap->length = options.length;
  return trap;
}

void BreakpointTrap::changed(Process& owner) { owner.breakpoints().update(*this); }

}  // namespace trapline::core
