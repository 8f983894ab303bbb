#pragma once

#include <trapline/stop.hpp>

#include "core/thread_state.hpp"

namespace trapline::core {

/// Executes one instruction of a thread at rest while the others of its process stay where they are; a syscall
/// instruction raises its events. Ends early, with that event's Stop, when a trap stops the process. On the tracer
/// thread.
[[nodiscard]] Stop step(ThreadState& thread);

}  // namespace trapline::core
