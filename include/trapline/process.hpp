#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <trapline/allocation.hpp>
#include <trapline/breakpoint.hpp>
#include <trapline/call.hpp>
#include <trapline/catchpoint.hpp>
#include <trapline/disassembly.hpp>
#include <trapline/elf.hpp>
#include <trapline/maps.hpp>
#include <trapline/memory.hpp>
#include <trapline/observer.hpp>
#include <trapline/process_info.hpp>
#include <trapline/registers.hpp>
#include <trapline/scope.hpp>
#include <trapline/signal.hpp>
#include <trapline/stop.hpp>
#include <trapline/symbols.hpp>
#include <trapline/syscall.hpp>
#include <trapline/thread.hpp>

namespace trapline {

namespace core {
class Process;
}

/// Keeps all threads of a process at rest, see Process::stop_world.
using StoppedWorld = Scope;

/// A process under our control. A handle, valid after the process's death.
///
/// Calls come from any thread. Unless said otherwise a call needs the process at rest: it waits for the next stop, or
/// interrupts it at once with `auto_interrupt`. Where a thread is meant, it is the main thread.
class TRAPLINE_API Process {
 public:
  /// The process id; 0 before the first run. At any time.
  [[nodiscard]] pid_t pid() const;
  /// True while it executes, that is between cont() and its next stop. At any time.
  [[nodiscard]] bool running() const;
  /// True once it has exited or was killed. At any time.
  [[nodiscard]] bool dead() const;
  /// Its exit status, once it has exited by itself. At any time.
  [[nodiscard]] std::optional<int> exit_code() const;
  /// The signal that killed it. At any time.
  [[nodiscard]] std::optional<int> exit_signal() const;
  /// What the running program is; throws UsageError before the first run.
  [[nodiscard]] Arch arch() const;

  /// Starts it again and returns at once; first handles the events that waited. Throws UsageError inside its callbacks.
  void cont() const;
  /// Returns the next Stop, once each; rethrows what a callback threw; throws TimedOut (the process goes on), and
  /// UsageError when it is at rest and its Stop was taken already. After death it returns the same Stop each time.
  Stop wait(Timeout timeout = {}) const;
  /// Brings it to rest soon; the Stop is read by wait(). Inside a callback it makes the event a stop. At rest it does
  /// nothing.
  void interrupt() const;
  /// Inside a callback: brings all other threads to rest until the result is destroyed, at the latest until the
  /// callback returns. Elsewhere it waits for the next stop, at which they rest anyway.
  [[nodiscard]] StoppedWorld stop_world() const;
  /// The main thread's, see Thread.
  Stop step(Others others = Others::stop) const;
  Stop step_until(const Location& location, std::size_t max = SIZE_MAX, Others others = Others::stop) const;
  Stop next(Others others = Others::run) const;
  Stop finish(FinishBy by = FinishBy::unwinding, Others others = Others::run) const;
  /// Kills it by SIGKILL and waits for its death; works at any moment, in its callbacks too.
  void kill() const;
  /// Lets it go as if we had never been there; works in its callbacks too. There it may go a moment later: when
  /// callbacks of other threads are in the middle of a command, which ends by ProcessGone.
  void detach() const;

  /// Its living threads, the main thread first. At any time.
  [[nodiscard]] std::vector<Thread> threads() const;
  /// The thread whose id is the process id.
  [[nodiscard]] Thread main_thread() const;
  [[nodiscard]] Registers regs() const;
  [[nodiscard]] Memory memory() const;
  /// /proc/PID/maps as it is at this moment. At any time; read once for each rest of the process.
  [[nodiscard]] MemoryMaps maps() const;
  /// The mapping around an address, however many there are at the price of one where the kernel (6.11 and later) can
  /// tell. At any time.
  [[nodiscard]] std::optional<MemoryMap> map_at(Address address) const;
  [[nodiscard]] Symbols symbols() const;
  /// So many instructions from a place on, fewer where the memory ends; traps are invisible. At any time.
  [[nodiscard]] std::vector<Instruction> disassemble(const Location& at, std::size_t count,
                                                     const DisassemblyOptions& options = {}) const;
  /// Those that begin in [from, to).
  [[nodiscard]] std::vector<Instruction> disassemble_range(Address from, Address to,
                                                           const DisassemblyOptions& options = {}) const;
  /// The whole function around a place; throws SymbolError when no symbol covers it.
  [[nodiscard]] std::vector<Instruction> disassemble_function(const Location& inside,
                                                              const DisassemblyOptions& options = {}) const;
  /// Its descriptors, arguments, credentials and the like, from /proc. At any time.
  [[nodiscard]] ProcessInfo info() const;
  /// The file that it executes, also when that was deleted or replaced since. At any time.
  [[nodiscard]] ElfFile binary() const;
  /// The files of the libraries that are loaded at this moment, the loader among them, in the order of their loading;
  /// what cannot be read as one is left out. At any time.
  [[nodiscard]] std::vector<ElfFile> libraries() const;

  /// Places a breakpoint; it lives across runs until removed. Throws SymbolError for a place that does not exist (with
  /// `pending` it is waited for), and UsageError where nothing is executed.
  Breakpoint breakpoint(const Location& location, BreakpointOptions options = {}) const;
  /// Watches data by a debug register; throws UsageError for a length or address that the CPU cannot watch, and when
  /// its debug registers are used up.
  Breakpoint watchpoint(const Location& location, WatchpointOptions options = {}) const;

  /// Places a handler; it lives across runs until removed. An unknown name throws UsageError and names near ones.
  SyscallHandler handle_syscall(const SyscallSet& syscalls, SyscallOptions options = {}) const;
  /// Places a handler that turns these syscalls into another one; to itself or to a set throws UsageError.
  SyscallHandler hijack_syscall(const SyscallSet& original, const SyscallId& replacement,
                                const HijackOptions& options = {}) const;
  /// Places a catcher; it lives across runs until removed. What is no signal throws UsageError, and so does SIGKILL,
  /// which nobody can catch.
  SignalCatcher catch_signal(const SignalSet& signals, SignalOptions options = {}) const;
  /// Places a catcher that turns these signals into another one; to itself or to a set throws UsageError.
  SignalCatcher hijack_signal(const SignalSet& original, const SignalId& replacement, SignalOptions options = {}) const;
  /// Signals that the program does not get, whoever sent or set them; catchers and observers see them first.
  [[nodiscard]] SignalSet signals_to_block() const;
  /// At any time, also before a run; stays for the following runs.
  void set_signals_to_block(const SignalSet& signals) const;
  /// Sends it a signal as kill(2) does; at any time, from any thread. Catchers see it like any other.
  void send_signal(const SignalId& signal) const;

  // Catchpoints, which live across runs until removed. Without a callback, or as stop_on_..., they are synchronous.

  /// On each child that is followed, see ForkCallback.
  Catchpoint on_fork(ForkCallback callback, CatchpointOptions options = {}) const;
  Catchpoint on_exec(ExecCallback callback, CatchpointOptions options = {}) const;
  /// Once, when the process ends.
  Catchpoint on_exit(ExitCallback callback, CatchpointOptions options = {}) const;
  Catchpoint on_thread(ThreadEvents events, CatchpointOptions options = {}) const;
  /// On each library that the dynamic loader has loaded or unloaded, see LoadCallback.
  Catchpoint on_load(LoadCallback callback, CatchpointOptions options = {}) const;
  /// The child comes to rest at its birth as well, and needs a cont() of its own.
  Catchpoint stop_on_fork(CatchpointOptions options = {}) const;
  Catchpoint stop_on_exec(CatchpointOptions options = {}) const;
  Catchpoint stop_on_exit(CatchpointOptions options = {}) const;
  Catchpoint stop_on_thread(CatchpointOptions options = {}) const;
  /// Once for all that were loaded or unloaded together: `Stop::libraries`.
  Catchpoint stop_on_load(CatchpointOptions options = {}) const;

  /// Its children that are or were followed, in the order of their births. At any time.
  [[nodiscard]] std::vector<Process> children() const;
  /// Whose child it is, if that is one of ours. At any time.
  [[nodiscard]] std::optional<Process> parent() const;
  [[nodiscard]] bool follow_children() const;
  /// Whether children born from now on are followed; at any time. Those that are followed already stay so. A process
  /// with a syscall filter cannot do without: UsageError.
  void set_follow_children(bool follow) const;

  /// Watches events beside the handlers, until the result is destroyed.
  [[nodiscard]] Observation observe(Observer observer) const;

  /// Executes one syscall in the main thread, see Thread::invoke_syscall.
  template <class... A>
  std::int64_t invoke_syscall(const SyscallId& syscall, A&&... arguments) const {
    return main_thread().invoke_syscall(syscall, std::forward<A>(arguments)...);
  }
  /// Executes syscalls one after another in the main thread, see Thread::invoke_batch.
  std::vector<std::int64_t> invoke_batch(std::span<const BatchCall> calls, const BatchOptions& options = {}) const {
    return main_thread().invoke_batch(calls, options);
  }
  std::vector<std::int64_t> invoke_batch(std::initializer_list<BatchCall> calls,
                                         const BatchOptions& options = {}) const {
    return main_thread().invoke_batch(calls, options);
  }

  /// Calls a function of the program in the main thread, see Thread::call.
  template <class R = std::uint64_t, class... A>
  R call(const Location& function, A&&... arguments) const {
    return main_thread().call<R>(function, std::forward<A>(arguments)...);
  }
  template <class R = std::uint64_t, class... A>
  R call(const CallOptions& options, const Location& function, A&&... arguments) const {
    return main_thread().call<R>(options, function, std::forward<A>(arguments)...);
  }

  /// Maps memory in the process, which goes with the result's scope. Throws OsError when the kernel refuses.
  [[nodiscard]] Allocation allocate(std::size_t size, const AllocateOptions& options = {}) const;
  /// Memory that holds these bytes, or this text and a NUL.
  [[nodiscard]] Allocation allocate(ByteView bytes, const AllocateOptions& options = {}) const;
  [[nodiscard]] Allocation allocate(std::string_view text, const AllocateOptions& options = {}) const;

  /// The main thread's syscall fields, see Thread.
  [[nodiscard]] std::int64_t syscall_number() const;
  void set_syscall_number(const SyscallId& syscall) const;
  [[nodiscard]] std::uint64_t syscall_arg(unsigned index) const;
  void set_syscall_arg(unsigned index, std::uint64_t value) const;
  [[nodiscard]] std::int64_t syscall_return() const;
  void set_syscall_return(std::int64_t value) const;

  /// The main thread's signal, see Thread.
  [[nodiscard]] int signal() const;
  void set_signal(const SignalId& signal) const;

  friend bool operator==(const Process& a, const Process& b) { return a.process_ == b.process_; }

  /// For trapline itself.
  explicit Process(std::shared_ptr<core::Process> process);

 protected:
  std::shared_ptr<core::Process> process_;

 private:
  [[nodiscard]] SyscallHandler place(std::shared_ptr<core::SyscallTrap> trap) const;
  [[nodiscard]] SignalCatcher place(std::shared_ptr<core::SignalTrap> trap) const;
  [[nodiscard]] Catchpoint place(std::shared_ptr<core::LifecycleTrap> trap, CatchpointOptions options) const;
};

}  // namespace trapline
