#pragma once

#include <sys/types.h>

#include <csignal>
#include <optional>
#include <string>
#include <string_view>

namespace trapline::os {

constexpr int last_signal = 64;
/// glibc keeps the kernel's first two real-time signals (32, 33) for itself; this is what users call SIGRTMIN.
constexpr int first_realtime_signal = 34;

/// "SIGUSR1", "SIGRTMIN+3", "SIGRTMAX", "SIG32"; "signal 99" for what is none.
[[nodiscard]] std::string signal_name(int signal);
/// Understands "SIGUSR1", "usr1", "10", "SIGRTMIN+3", "SIGRTMAX-1"; nothing for what is no signal.
[[nodiscard]] std::optional<int> signal_number(std::string_view name);

/// What a signal without a handler does to a process.
enum class DefaultAction { ignore, terminate, core, stop, cont };
[[nodiscard]] DefaultAction default_action(int signal);

/// To a process, or to one thread of it; throws ProcessGone when there is none (any more).
void send_signal(pid_t pid, int signal);
void send_signal(pid_t pid, pid_t tid, int signal);
/// To one thread with a siginfo, whose code must be negative and not SI_TKILL.
void queue_signal(pid_t pid, pid_t tid, siginfo_t info);

[[nodiscard]] bool blocked_here(int signal);
/// Whether this process has a handler for it.
[[nodiscard]] bool handled_here(int signal);
/// Blocks or unblocks it on the calling thread.
void block_here(int signal, bool block);

}  // namespace trapline::os
