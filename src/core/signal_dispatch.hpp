#pragma once

#include "core/process.hpp"
#include "core/thread_state.hpp"

namespace trapline::core {

// The signals of a thread: shown to observers, given their own siginfo back when they were held, and asked what they do
// to the call that they interrupted. On the tracer thread.

[[nodiscard]] Verdict on_signal_stop(ThreadState& thread);

/// At the delivery of a signal that was held back and sent again: gives it its own siginfo.
void take_held(ThreadState& thread, int signal);

}  // namespace trapline::core
