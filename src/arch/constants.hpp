#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace trapline::arch {

/// One named value of an enumeration or flag set.
struct Constant {
  std::uint64_t value;
  std::string_view name;
};

/// The names that the values of a parameter go by.
struct Vocabulary {
  /// A name whose bits include another one's comes first.
  std::span<const Constant> constants;
  /// The bits that hold one of several values; the others are flags. All ones: a plain enumeration.
  std::uint64_t enumeration = ~std::uint64_t{0};
};

/// Appends `O_RDONLY|O_CLOEXEC`; what has no name is appended as a number.
void append_constants(std::string& out, const Vocabulary& vocabulary, std::uint64_t value);

/// `"SEGV_MAPERR"` for 1 of SIGSEGV; empty when it has no name.
[[nodiscard]] std::string_view signal_code_name(int signal, int code);

namespace vocabulary {

extern const Vocabulary open_flags, open_flags_aarch64, access_mode, protection, map_flags, at_flags, unlinkat_flags,
    faccessat_flags, linkat_flags, statx_flags, statx_mask, rename_flags, whence, clone_flags, unshare_flags,
    fcntl_command, descriptor_flags, lock_operation, fallocate_mode, file_advice, memory_advice, mremap_flags,
    msync_flags, mlockall_flags, memfd_flags, random_flags, pipe_flags, epoll_create_flags, epoll_operation,
    epoll_events, poll_events, eventfd_flags, inotify_flags, timerfd_flags, signalfd_flags, socket_domain, socket_type,
    socket_level, socket_option, message_flags, shutdown_how, mask_how, signal_action_flags, wait_options, wait_id,
    futex_operation, ioctl_command, clock, clock_flags, interval_timer, resource, usage_who, priority_who, prctl_option,
    arch_prctl_code, seccomp_operation, splice_flags, mount_flags, umount_flags, membarrier_command, scheduler_policy,
    close_range_flags, rseq_flags, ptrace_request;

}  // namespace vocabulary

}  // namespace trapline::arch
