#pragma once

#include "core/thread_state.hpp"

namespace trapline::core {

/// On the tracer thread. Executes the trapped instruction under the pc with the original byte back, while all other
/// threads are at rest; the thread is stopped afterwards. An event of its own that came instead is kept.
void step_in_place(ThreadState& thread);

}  // namespace trapline::core
