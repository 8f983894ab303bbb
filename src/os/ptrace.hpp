#pragma once

#include <sys/types.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace trapline::os {

/// How a stopped tracee goes on.
enum class Resume { cont, syscall, emulate, step };

/// The events that a tracee reports besides its syscalls (PTRACE_O_*).
struct TraceOptions {
  bool kill_with_tracer = false;
  bool follow_forks = false;
  bool report_exit = true;
  /// The stops that seccomp filters ask for; without it such calls fail.
  bool report_filters = false;
};

/// What the kernel says of a syscall stop (PTRACE_GET_SYSCALL_INFO).
struct SyscallInfo {
  enum class Side { none, enter, exit };
  Side side = Side::none;
  /// At an enter that a seccomp filter reports: what it says (SECCOMP_RET_DATA).
  std::optional<std::uint16_t> filter_data{};
  std::uint32_t audit_arch = 0;
  std::uint64_t pc = 0;
  std::uint64_t sp = 0;
  std::int64_t number = 0;
  std::array<std::uint64_t, 6> args{};
  std::int64_t result = 0;
};

/// The register sets of PTRACE_GETREGSET (elf.h).
enum class RegisterSet : unsigned { general = 1, floating_point = 2, xstate = 0x202 };

// Every request throws ProcessGone on ESRCH (the thread is not stopped: it died, is dying or was woken) and OsError
// otherwise; each belongs on the thread that seized the tracee.

/// Without stopping it; the OsError of a refusal says what forbids it.
void seize(pid_t tid, TraceOptions options);
void set_options(pid_t tid, TraceOptions options);
void interrupt(pid_t tid);
void resume(pid_t tid, Resume how, int signal);
/// Lets a group-stopped tracee stay stopped while its SIGCONT can still be seen.
void listen(pid_t tid);
void detach(pid_t tid, int signal);

/// Whether the thread answers requests; does not throw.
[[nodiscard]] bool still_stopped(pid_t tid) noexcept;
[[nodiscard]] SyscallInfo syscall_info(pid_t tid);
[[nodiscard]] std::uint64_t event_message(pid_t tid);
[[nodiscard]] siginfo_t signal_info(pid_t tid);
void set_signal_info(pid_t tid, const siginfo_t& info);

/// The signals that the thread blocks, bit 0 for signal 1.
[[nodiscard]] std::uint64_t signal_mask(pid_t tid);
void set_signal_mask(pid_t tid, std::uint64_t mask);

/// Fills as much as the kernel has and returns how many bytes that was.
std::size_t read_registers(pid_t tid, RegisterSet set, std::span<std::byte> into);
void write_registers(pid_t tid, RegisterSet set, std::span<const std::byte> bytes);
/// One word of the general set of a 64-bit tracee, at its byte offset; cheaper than the whole set for one to three
/// words.
void write_register(pid_t tid, std::size_t offset, std::uint64_t value);
[[nodiscard]] std::uint64_t read_register(pid_t tid, std::size_t offset);

/// One debug register by its number. What the kernel keeps for the thread, which the CPU holds only while it runs.
[[nodiscard]] std::uint64_t read_debug_register(pid_t tid, std::size_t number);
void write_debug_register(pid_t tid, std::size_t number, std::uint64_t value);

}  // namespace trapline::os
