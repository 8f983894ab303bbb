#pragma once

#include "core/thread_state.hpp"

namespace trapline::core {

/// What is to be done with a thread that stands on a trapped instruction which has been dispatched.
enum class Departure {
  resume,    ///< let it go on: there is no trap under its pc, or it was sent around the trap
  executed,  ///< the same, and the instruction is executed already
  in_place,  ///< the instruction must be single-stepped in its place (step_in_place)
};
/// On the tracer thread. Prepares the thread's registers, and changes `how` when it has to go on in another way.
[[nodiscard]] Departure leave_trap(ThreadState& thread, os::Resume& how);

}  // namespace trapline::core
