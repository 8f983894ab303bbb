#pragma once

#include "core/process.hpp"
#include "core/thread_state.hpp"
#include "core/trap.hpp"

namespace trapline::core {

// What the dispatch of all kinds of traps shares. On the tracer thread.

/// Runs user code of a trap; what it throws stops the process at this event.
template <class Run>
void call_user(ThreadState& thread, const Trap& trap, Run&& run) {
  struct Running {
    std::vector<const Trap*>& list;
    ~Running() { list.pop_back(); }
  };
  const Tracer::CallbackScope scope(thread.process->tracer());
  thread.running_traps.push_back(&trap);
  const Running running{thread.running_traps};
  Thread handle(thread.shared_from_this());
  run(handle);
}

/// Whether user code, or what else happened meanwhile, has put an end to what is done at this stop: the thread died, or
/// its process is let go.
[[nodiscard]] inline bool cut_short(const ThreadState& thread) {
  return !thread.stopped() || thread.process->leaving();
}

/// Whether a callback of the trap is running on this thread, so that an event in it is not for the trap.
[[nodiscard]] bool runs_on(const ThreadState& thread, const Trap& trap);
/// Whether the trap may take an event of this thread, as far as that can be told without running user code.
[[nodiscard]] bool may_take(const ThreadState& thread, const Trap& trap);
/// Whether the trap takes this event; asks its condition and counts what it is to ignore.
[[nodiscard]] bool takes(ThreadState& thread, Trap& trap);

}  // namespace trapline::core
