#pragma once

#include <cstddef>

#include <trapline/stop.hpp>
#include <trapline/symbols.hpp>
#include <trapline/thread.hpp>

#include "core/thread_state.hpp"

namespace trapline::core {

// Commands that move one thread at rest. Each ends early, with that event's Stop, when a trap stops the process. On the
// tracer thread.

/// Executes one instruction; a syscall instruction raises its events.
[[nodiscard]] Stop step(ThreadState& thread, Others others);
/// Steps until the pc is there, at most `max` times.
[[nodiscard]] Stop step_until(ThreadState& thread, const Location& location, std::size_t max, Others others);
/// Steps, and over a call as a whole.
[[nodiscard]] Stop next(ThreadState& thread, Others others);
/// Goes on until the running function has returned.
[[nodiscard]] Stop finish(ThreadState& thread, FinishBy by, Others others);

}  // namespace trapline::core
