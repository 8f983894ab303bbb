#pragma once

#include "core/process.hpp"
#include "core/thread_state.hpp"

namespace trapline::core {

// What happens at the syscall stops of one thread: open calls are pushed at enter and popped at exit, handlers and
// observers run, and calls that the kernel restarts are folded into one. On the tracer thread.

[[nodiscard]] Verdict on_syscall_stop(ThreadState& thread);
/// An enter or exit of a call that invoke_syscall makes.
[[nodiscard]] Verdict on_invoked_stop(ThreadState& thread, const os::SyscallInfo& info);

/// Whether dispatching this syscall stop could stop the process; errs towards yes.
[[nodiscard]] bool syscall_would_stop(ThreadState& thread);

/// The call ends here although the kernel's exit stop is past or will never come: gives the program its result.
[[nodiscard]] Verdict end_call(ThreadState& thread, OpenCall& call, std::int64_t result);
/// The thread's calls will never exit.
void abandon_calls(ThreadState& thread);

}  // namespace trapline::core
