#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trapline/breakpoint.hpp>
#include <trapline/catchpoint.hpp>
#include <trapline/signal.hpp>
#include <trapline/syscall.hpp>
#include <trapline/thread.hpp>

namespace trapline {

/// Why a process came to rest.
enum class StopKind {
  syscall_enter,  ///< a synchronous handler, or interrupt() in a callback, at a syscall's enter
  syscall_exit,   ///< likewise at its exit
  breakpoint,     ///< a synchronous breakpoint, or interrupt() in a callback of one, before its instruction
  watchpoint,     ///< likewise a watchpoint, after the access
  signal,         ///< a synchronous catcher, or interrupt() in a callback of one, before the delivery
  interrupted,    ///< interrupt(), with no event of the program
  stepped,        ///< step() executed its instruction
  fork,           ///< a synchronous catchpoint on forks, or interrupt() in a callback of one; the child rests too
  born,           ///< a followed child that was interrupted at its birth stands before its first instruction
  exec,  ///< a synchronous catchpoint, or interrupt() in a callback of one: before the program's first instruction
  thread_born,  ///< likewise, before the thread's first instruction
  thread_died,  ///< likewise, after its last one
  library,      ///< likewise, when the dynamic loader has loaded or unloaded libraries
  exiting,      ///< likewise, when the last thread of the process has executed its last instruction
  exited,       ///< the process is dead
};

[[nodiscard]] TRAPLINE_API std::string_view to_string(StopKind kind);

/// The process is at rest: why, and on which thread.
struct Stop {
  StopKind kind;
  Thread thread;
  /// The handlers that ran at this syscall stop, in their order.
  std::vector<SyscallHandler> handlers{};
  /// The breakpoints and watchpoints that were hit at this stop, in their order.
  std::vector<Breakpoint> breakpoints{};
  /// The catchers that ran on this signal, in their order.
  std::vector<SignalCatcher> catchers{};
  /// The catchpoints that ran at this event, in their order.
  std::vector<Catchpoint> catchpoints{};
  /// Of `fork`: the child's first thread.
  std::optional<Thread> child{};
  /// Of `library`: those that were loaded or unloaded.
  std::vector<Library> libraries{};
  /// Of a signal that came: its number, before any change.
  int signal = 0;
  /// Of a breakpoint or watchpoint: where it is; what a watchpoint saw change there tells `Breakpoint::old_value()`. Of
  /// a fault (SIGSEGV, SIGBUS, SIGILL, SIGFPE): the address that it tells.
  Address address = 0;
  /// Of a syscall stop: the name of the call as the program issued it, or its number.
  std::string syscall{};
  /// Of `exiting` and `exited`: the exit status, unless a signal killed it.
  std::optional<int> exit_code{};
  /// Of `exiting` and `exited`: the signal that killed it.
  std::optional<int> exit_signal{};
  /// Of `exited`: RunOptions::kill_after ran out.
  bool timed_out = false;
};

/// Prints one line without a newline, such as `syscall_enter in thread 4711 (openat)`.
TRAPLINE_API std::ostream& operator<<(std::ostream& out, const Stop& stop);

}  // namespace trapline
