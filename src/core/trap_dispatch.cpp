#include "core/trap_dispatch.hpp"

#include <algorithm>

namespace trapline::core {

bool runs_on(const ThreadState& thread, const Trap& trap) {
  return std::ranges::find(thread.running_traps, &trap) != thread.running_traps.end();
}

bool may_take(const ThreadState& thread, const Trap& trap) {
  return trap.live() && !runs_on(thread, trap) && (!trap.thread || trap.thread->state().get() == &thread);
}

bool takes(ThreadState& thread, Trap& trap) {
  if (!may_take(thread, trap)) return false;
  if (trap.condition) {
    bool holds = false;
    call_user(thread, trap, [&](Thread& handle) { holds = trap.condition(handle); });
    if (!holds) return false;
  }
  return trap.ignored >= trap.ignore_count || (++trap.ignored, false);
}

}  // namespace trapline::core
