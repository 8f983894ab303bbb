#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include <trapline/scope.hpp>
#include <trapline/syscall_id.hpp>
#include <trapline/thread.hpp>
#include <trapline/types.hpp>

namespace trapline {

/// One syscall as an observer sees it.
struct SyscallRecord {
  Abi abi{};
  /// As the program issued it.
  std::int64_t original_number = 0;
  std::array<std::uint64_t, 6> original_args{};
  /// As the kernel gets it, after all handlers.
  std::int64_t number = 0;
  std::array<std::uint64_t, 6> args{};
  /// A handler skipped it: the kernel does not run it.
  bool skipped = false;
  /// At exit: what the kernel returned (or the skip's value), and what the program sees after all handlers.
  std::int64_t kernel_result = 0;
  std::int64_t result = 0;
};

/// One signal about to be delivered.
struct SignalRecord {
  int signal = 0;
  /// siginfo's si_code, si_pid and si_addr (sigaction(2)); the last two are 0 where they mean nothing.
  int code = 0;
  pid_t sender = 0;
  Address address = 0;
};

/// What watches beside the traps and changes nothing: each function runs on the tracer thread, after the user's
/// handlers.
struct Observer {
  /// Which syscalls it is shown.
  SyscallSet syscalls = "all";
  /// Also of a call that was under way already, when the kernel restarts it: what a process hangs in is seen at once.
  std::function<void(Thread&, const SyscallRecord&)> on_syscall_enter{};
  std::function<void(Thread&, const SyscallRecord&)> on_syscall_exit{};
  std::function<void(Thread&, const SignalRecord&)> on_signal{};
  std::function<void(Thread&)> on_thread_born{};
  /// The status is the one of the thread's own exit (wait(2)).
  std::function<void(Thread&, int status)> on_thread_died{};
  /// A syscall that was entered and will never exit (exit, death, execve in another thread).
  std::function<void(Thread&, const SyscallRecord&)> on_syscall_abandoned{};
};

/// Lasts until it is destroyed, see Process::observe.
using Observation = Scope;

}  // namespace trapline
