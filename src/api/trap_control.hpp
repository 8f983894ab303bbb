#pragma once

#include "core/process.hpp"
#include "core/trap.hpp"

namespace trapline {

/// Changes a trap on the tracer thread while there is one, since it belongs to it; at any time, from any thread.
template <class F>
void change_trap(core::Trap& trap, F&& function) {
  const auto process = trap.process.lock();
  if (!process || process->tracer().stopped()) {
    function();
    return;
  }
  process->tracer().call([&] {
    function();
    core::tell_change(trap, *process);
  });
}

inline void enable_trap(core::Trap& trap) {
  change_trap(trap, [&] {
    trap.spent = false;
    trap.enabled = true;
  });
}

inline void disable_trap(core::Trap& trap) {
  change_trap(trap, [&] { trap.enabled = false; });
}

inline void remove_trap(core::Trap& trap) {
  change_trap(trap, [&] { trap.removed = true; });
}

}  // namespace trapline
