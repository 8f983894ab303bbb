#pragma once

#include "core/thread_state.hpp"

namespace trapline::core {

// What a stop means where traps of ours are. On the tracer thread.

/// At each stop, before anyone looks at the thread: takes it out of a scratch slot, and tells a hit of a trap of ours
/// (ThreadState::hit_due) from a signal of the program's. Afterwards the pc is what it would be without us.
void settle(ThreadState& thread);

/// An interruption that meets a thread inside the exception of a trap or of a step is reported before the signal of it,
/// which would come later as if the program had got it: lets the thread go on to that signal, before which it executes
/// nothing (Stepping.interrupts_without_pause_end_it_each_time).
[[nodiscard]] bool goes_on_to_trap(ThreadState& thread);

}  // namespace trapline::core
