#pragma once

#include "core/thread_state.hpp"
#include "os/ptrace.hpp"

namespace trapline::core {

// How the syscalls of a thread are left to run, and what became of them meanwhile: which of their stops the kernel is
// asked for, and those that it gives instead. On the tracer thread.

/// At each stop: brings one that a seccomp filter asked for into the shape of an enter.
void settle_filter_stop(ThreadState& thread);
/// At each stop: finds out what became of a call whose exit nobody asked for.
void settle_unwatched_call(ThreadState& thread);
/// The thread stopped inside the kernel: remembers the call that this interrupted if nobody saw it enter, so that its
/// restart is not taken for a new call.
void note_interrupted_call(ThreadState& thread);

/// Asks a thread that runs for a stop. (os::interrupt alone has a call that it enters meanwhile begin anew.)
void interrupt(ThreadState& thread);

/// It may be inside a call whose exit nobody asked for, and somebody would by now.
[[nodiscard]] bool would_miss_exit(ThreadState& thread);

/// Brings the registers in line with what was decided at this stop, and says how the thread has to go on.
[[nodiscard]] os::Resume leave_syscall_stop(ThreadState& thread);
/// The same for a thread that is let go.
void leave_for_good(ThreadState& thread);

}  // namespace trapline::core
