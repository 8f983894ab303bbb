#pragma once

#include "core/process.hpp"
#include "core/thread_state.hpp"

namespace trapline::core {

// Threads at our traps: how a hit is recognised, and how a thread gets past a trap that stays in place. On the tracer
// thread.

/// At each stop, before anyone looks at the thread: takes it out of a scratch slot, and tells a hit of a trap of ours
/// (ThreadState::hit_due) from a signal of the program's. Afterwards the pc is what it would be without us.
void settle(ThreadState& thread);

/// An interruption that meets a thread inside the exception of a trap or of a step is reported before the signal of it,
/// which would come later as if the program had got it: lets the thread go on to that signal, before which it executes
/// nothing (Stepping.interrupts_without_pause_end_it_each_time).
[[nodiscard]] bool goes_on_to_trap(ThreadState& thread);

/// What is to be done with a thread that stands on a trapped instruction which has been dispatched.
enum class Departure {
  resume,    ///< let it go on: there is no trap under its pc, or it was sent around the trap
  executed,  ///< the same, and the instruction is executed already
  in_place,  ///< the instruction must be single-stepped in its place (step_in_place)
};
/// Prepares the thread's registers, and changes `how` when it has to go on in another way.
[[nodiscard]] Departure leave_trap(ThreadState& thread, os::Resume& how);

/// Executes the trapped instruction under the pc with the original byte back, while all other threads are at rest; the
/// thread is stopped afterwards. An event of its own that came instead is kept.
void step_in_place(ThreadState& thread);

/// Sends again what was put off; for a thread that is let go.
void send_owed(ThreadState& thread);

/// Dispatches a hit: runs the traps at the thread's pc.
[[nodiscard]] Verdict on_trap_hit(ThreadState& thread);
/// Whether dispatching the hit could stop the process; errs towards yes.
[[nodiscard]] bool hit_would_stop(ThreadState& thread);
/// Whether a step has executed its instruction and only then hit something: a watchpoint reports what was done.
[[nodiscard]] bool hit_ends_step(const ThreadState& thread);

}  // namespace trapline::core
