#pragma once

#include "core/thread_state.hpp"
#include "core/verdict.hpp"

namespace trapline::core {

// Hits of breakpoints and watchpoints. On the tracer thread.

/// Dispatches a hit: runs the traps at the thread's pc.
[[nodiscard]] Verdict on_trap_hit(ThreadState& thread);
/// Whether dispatching the hit could stop the process; errs towards yes.
[[nodiscard]] bool hit_would_stop(ThreadState& thread);
/// Whether a step has executed its instruction and only then hit something: a watchpoint reports what was done.
[[nodiscard]] bool hit_ends_step(const ThreadState& thread);

}  // namespace trapline::core
