#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <trapline/types.hpp>

#include "support/fd.hpp"

namespace trapline::os {

// What the machine and its kernel are like.

[[nodiscard]] std::string kernel_release();
/// How a container shows itself; empty when none does.
[[nodiscard]] std::string container();
/// In a user namespace that does not have all users.
[[nodiscard]] bool in_user_namespace();
/// Says so itself, as hypervisors let virtual machines do.
[[nodiscard]] bool virtual_machine();
/// On how many CPUs the calling thread may run.
[[nodiscard]] unsigned usable_cpus();
/// Linux 6.11 and later.
[[nodiscard]] bool has_procmap_query();
/// Whether the kernel is built with kcmp(2), and lets it be used.
[[nodiscard]] bool has_kcmp();
/// PTRACE_SET_SYSCALL_INFO, Linux 6.16 and later; asked of a stopped tracee of the calling thread, which it leaves as
/// it is.
[[nodiscard]] bool has_set_syscall_info(pid_t stopped);
/// Whether process_vm_readv(2) may read there.
[[nodiscard]] bool can_read_directly(pid_t pid, Address address);
/// The word of personality(2) of another process.
[[nodiscard]] std::optional<unsigned> personality_of(pid_t pid);
/// An executable file of that name in PATH; empty for none.
[[nodiscard]] std::string find_in_path(const std::string& name);

/// A program that does nothing but an `int 0x80` by which it exits with 0, of 64 or 32 bits.
[[nodiscard]] Bytes int80_program(bool wide);
/// An executable file without a name.
[[nodiscard]] support::Fd file_of(ByteView content);

}  // namespace trapline::os
