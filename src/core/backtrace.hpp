#pragma once

#include <cstddef>
#include <vector>

#include <trapline/frame.hpp>

#include "core/modules.hpp"
#include "core/thread_state.hpp"
#include "symbols/unwind.hpp"

namespace trapline::core {

using symbols::UnwoundFrame;

// All of these need the thread stopped and run on the tracer thread.

/// The frames of a thread from the innermost on, at most `max`. Where the innermost one returns to are the pc of the
/// second and the first one's cfa as stack pointer; a thread that has only one frame returns nowhere.
[[nodiscard]] std::vector<UnwoundFrame> unwind(ThreadState& thread, std::size_t max);
/// The same with what is loaded as it was found before.
[[nodiscard]] std::vector<UnwoundFrame> unwind(ThreadState& thread, const Modules& modules, std::size_t max);
/// The same with names, for the user.
[[nodiscard]] std::vector<Frame> backtrace(ThreadState& thread, const BacktraceOptions& options);
/// Where the innermost frame returns to; throws UsageError when it returns nowhere.
[[nodiscard]] Address return_address(ThreadState& thread);

}  // namespace trapline::core
