#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "arch/arch.hpp"
#include "core/open_call.hpp"
#include "core/thread_state.hpp"
#include "os/ptrace.hpp"

namespace trapline::core {

// The open calls of one thread, and its registers at their stops. On the tracer thread.

[[nodiscard]] const arch::SyscallRegs& syscall_registers(const ThreadState& thread, Abi abi);
[[nodiscard]] Abi abi_of(const ThreadState& thread, const os::SyscallInfo& info);

/// A call begins; it is the innermost from now on.
OpenCall& push_call(ThreadState& thread, const os::SyscallInfo& info, Abi abi, bool invoked);

/// Takes over what was written to the registers of an enter stop.
void read_back(ThreadState& thread, OpenCall& call);
void skip(ThreadState& thread, OpenCall& call, std::int64_t value);
void change_number(ThreadState& thread, OpenCall& call, std::int64_t number);

/// A signal handler has returned: the interrupted call under it restarts at once, or ended with -EINTR; its index.
struct HandlerReturn {
  std::size_t index = 0;
  bool restarted = false;
};
/// Looked for among so many of the outermost calls.
[[nodiscard]] std::optional<HandlerReturn> returned_into(ThreadState& thread, const os::SyscallInfo& info,
                                                         std::size_t below);

[[nodiscard]] bool is_sigreturn(const OpenCall& call);
/// It may install a seccomp filter.
[[nodiscard]] bool changes_filters(Abi abi, std::int64_t number, const std::array<std::uint64_t, 6>& args);
[[nodiscard]] inline bool changes_filters(const OpenCall& call) {
  return changes_filters(call.abi, call.number, call.args);
}
/// In all threads of the process.
[[nodiscard]] bool spreads_filter(const OpenCall& call);
/// Some threads may have filters of their own by now.
void forget_filtered(Process& process);
/// Whether that asks for the thread's seccomp mode, which ours changes.
[[nodiscard]] bool asks_for_mode(Abi abi, std::int64_t number, std::uint64_t first_argument);
/// Whether that is a call for a child that no tracer is told of.
[[nodiscard]] bool asks_for_untraced(const ThreadState& thread, Abi abi, std::int64_t number,
                                     std::uint64_t first_argument);
/// Makes it one, or none.
void set_untraced(ThreadState& thread, OpenCall& call, bool untraced);
/// Whether seccomp filters that are not the host's judge the thread's syscalls.
[[nodiscard]] bool has_own_filters(const ThreadState& thread);

/// -ERESTARTSYS and its kin: the kernel's own business, never shown to the program.
[[nodiscard]] constexpr bool restarts(std::int64_t result) {
  return result == -512 || result == -513 || result == -514 || result == -516;
}

}  // namespace trapline::core
