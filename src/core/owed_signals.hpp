#pragma once

#include <csignal>

#include "core/thread_state.hpp"

namespace trapline::core {

// Signals that come while a thread is on its way past a trapped instruction: they wait until that is executed. On the
// tracer thread.

/// A signal that the instruction itself raised: the program must find the pc on it.
[[nodiscard]] bool raised_by_instruction(const siginfo_t& info);

/// Whether the thread stands at the signal of a step that we asked for, and not at that of a trap instruction or of the
/// program's.
[[nodiscard]] bool at_end_of_step(const ThreadState& thread);

/// Puts the signal that the thread was to get off until the instruction is executed: else its handler's frame would
/// lead back into the slot, or back to the trap.
void owe_signal(ThreadState& thread);

/// The same for one that has come to its stop only now.
void owe_taken(ThreadState& thread);

/// At a stop of a thread that signals are owed to: one more signal that came too early is put off too (sent again at
/// once it would only be in the way again); after the instruction the first is delivered right here.
void settle_owed(ThreadState& thread);

/// Sends again what was put off.
void send_owed(ThreadState& thread);

}  // namespace trapline::core
