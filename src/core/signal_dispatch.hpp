#pragma once

#include <trapline/stop.hpp>

#include "core/held_signals.hpp"
#include "core/process.hpp"
#include "core/thread_state.hpp"

namespace trapline::core {

// The signals of a thread: catchers and observers see them, and once it is known what will be delivered, that decides
// about the call that was interrupted. On the tracer thread.

[[nodiscard]] Verdict on_signal_stop(ThreadState& thread);
/// Whether dispatching this delivery could stop the process; errs towards yes.
[[nodiscard]] bool signal_would_stop(ThreadState& thread);

/// The process was stopped at this delivery, so that on_signal_stop has to see to the rest before the thread goes on.
[[nodiscard]] bool signal_is_due(ThreadState& thread);
/// What a Stop at this delivery tells.
/// The address that a fault tells; 0 of other signals.
[[nodiscard]] Address fault_address(const siginfo_t& info);
void describe_signal(ThreadState& thread, Stop& stop);

}  // namespace trapline::core
