#pragma once

#include "core/process.hpp"
#include "core/thread_state.hpp"

namespace trapline::core {

// What happens at the syscall and signal stops of one thread: open calls are pushed at enter and popped at exit,
// handlers and observers run, and calls that the kernel restarts are folded into one. On the tracer thread.

[[nodiscard]] Verdict on_syscall_stop(ThreadState& thread);
/// An enter or exit of a call that invoke_syscall makes.
[[nodiscard]] Verdict on_invoked_stop(ThreadState& thread, const os::SyscallInfo& info);

/// Whether dispatching this syscall stop could stop the process; errs towards yes.
[[nodiscard]] bool syscall_would_stop(ThreadState& thread);

/// Brings the registers in line with what was decided at this stop, and says how the thread has to go on.
[[nodiscard]] os::Resume leave_syscall_stop(ThreadState& thread);
/// The same for a thread that is let go.
void leave_for_good(ThreadState& thread);

/// The thread stopped inside the kernel: remembers the call that this interrupted if nobody saw it enter, so that its
/// restart is not taken for a new call.
void note_interrupted_call(ThreadState& thread);
/// Those calls will never exit.
void abandon_calls(ThreadState& thread);

/// The call ends here although the kernel's exit stop is past or will never come: gives the program its result.
[[nodiscard]] Verdict end_call(ThreadState& thread, OpenCall& call, std::int64_t result);

/// Takes over what was written to the registers of an enter stop.
void read_back(ThreadState& thread, OpenCall& call);
void skip(ThreadState& thread, OpenCall& call, std::int64_t value);
void change_number(ThreadState& thread, OpenCall& call, std::int64_t number);

[[nodiscard]] bool is_sigreturn(const OpenCall& call);

/// At each stop: brings one that a seccomp filter asked for into the shape of an enter.
void settle_filter_stop(ThreadState& thread);
/// At each stop: finds out what became of a call whose exit nobody asked for.
void settle_unwatched_call(ThreadState& thread);

/// Whether seccomp filters that are not the host's judge the thread's syscalls.
[[nodiscard]] bool has_own_filters(const ThreadState& thread);

/// -ERESTARTSYS and its kin: the kernel's own business, never shown to the program.
[[nodiscard]] constexpr bool restarts(std::int64_t result) {
  return result == -512 || result == -513 || result == -514 || result == -516;
}

}  // namespace trapline::core
