#pragma once

#include <array>
#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <trapline/batch.hpp>
#include <trapline/call_argument.hpp>
#include <trapline/disassembly.hpp>
#include <trapline/frame.hpp>
#include <trapline/invoke.hpp>
#include <trapline/maps.hpp>
#include <trapline/memory.hpp>
#include <trapline/process_facts.hpp>
#include <trapline/registers.hpp>
#include <trapline/signal_id.hpp>
#include <trapline/syscall_id.hpp>
#include <trapline/types.hpp>

namespace trapline {

namespace core {
class Process;
class ThreadState;
}  // namespace core

class Location;
class Process;
struct Stop;

/// How finish() knows where the function returns to: from its unwind tables, or by stepping up to its return.
enum class FinishBy { unwinding, stepping };

/// A tracee: one thread of a process under our control. A handle, valid after the thread's death.
///
/// Unless said otherwise a call needs the thread at rest: it waits for the next stop (or interrupts, with
/// `auto_interrupt`), and inside a callback it brings the thread to rest until the callback ends. After the thread's
/// death what was last known can be read and everything else throws ProcessGone.
class TRAPLINE_API Thread {
 public:
  /// The kernel's thread id (gettid(2)); at any time.
  [[nodiscard]] pid_t tid() const;
  /// The process (thread group) it belongs to; at any time.
  [[nodiscard]] pid_t pid() const;
  /// True once its death was seen; at any time.
  [[nodiscard]] bool dead() const;
  [[nodiscard]] Process process() const;
  /// Its name as the kernel has it (at most 15 bytes). At any time; throws ProcessGone after its death.
  [[nodiscard]] std::string name() const;
  /// What the kernel tells of it in /proc at this moment. At any time; throws ProcessGone after its death.
  [[nodiscard]] ThreadInfo info() const;

  [[nodiscard]] Registers regs() const;
  [[nodiscard]] Memory memory() const;
  [[nodiscard]] Address pc() const;
  void set_pc(Address pc) const;
  /// The mapping around its stack pointer; nothing when that points nowhere.
  [[nodiscard]] std::optional<MemoryMap> stack() const;

  /// The frames of its stack from the innermost on, at most `max`. The last one is where the thread begins, or where
  /// its stack is damaged.
  [[nodiscard]] std::vector<Frame> backtrace(std::size_t max = 256) const;
  /// The same as the options tell, also with source lines.
  [[nodiscard]] std::vector<Frame> backtrace(const BacktraceOptions& options) const;
  /// Where the innermost frame returns to; throws UsageError when it returns nowhere.
  [[nodiscard]] Address saved_ip() const;
  /// So many instructions from its pc on, which is marked as `current`; none where nothing is mapped.
  [[nodiscard]] std::vector<Instruction> disassemble(std::size_t count = 10,
                                                     const DisassemblyOptions& options = {}) const;

  /// The ABI of the syscall stop it is at; away from one, of its process.
  [[nodiscard]] Abi syscall_abi() const;
  /// At a syscall stop the number in force; away from one, the register that a syscall instruction would read.
  [[nodiscard]] std::int64_t syscall_number() const;
  /// Writes the number at enter (un-skipping the call) or away from a syscall stop; throws UsageError at exit.
  void set_syscall_number(std::int64_t number) const;
  /// Likewise by name, in the table of the ABI of the stop.
  void set_syscall_number(const SyscallId& syscall) const;
  /// Argument 0 to 5; at exit, as the kernel read it. Throws UsageError above 5.
  [[nodiscard]] std::uint64_t syscall_arg(unsigned index) const;
  /// Writes an argument at enter or away from a syscall stop; throws UsageError at exit.
  void set_syscall_arg(unsigned index, std::uint64_t value) const;
  /// The result at exit, -errno for a failure; throws UsageError at enter.
  [[nodiscard]] std::int64_t syscall_return() const;
  /// Replaces the result at exit; throws UsageError at enter (use skip_syscall) and for rt_sigreturn.
  void set_syscall_return(std::int64_t value) const;
  /// The number and arguments as the program issued them; throws UsageError away from a syscall stop.
  [[nodiscard]] std::int64_t original_syscall() const;
  /// At enter: the kernel does not run the call and the program sees `value`.
  void skip_syscall(std::int64_t value) const;
  /// At enter: the kernel does not run the call and the program sees this error (an errno value such as ENOENT).
  void fail_syscall(int error) const;
  /// True between the enter and the exit of a syscall of this thread that we saw enter.
  [[nodiscard]] bool in_syscall() const;

  /// The signal that the thread gets when it goes on, 0 for none.
  [[nodiscard]] int signal() const;
  /// At the delivery of a signal replaces it; at any other stop the thread is sent this one when it goes on, past all
  /// catchers. 0 drops it.
  void set_signal(const SignalId& signal) const;
  /// At the delivery of a signal: what tells of it (sigaction(2)); throws UsageError elsewhere.
  [[nodiscard]] siginfo_t signal_info() const;
  /// Replaces it there; its si_signo is put right.
  void set_signal_info(const siginfo_t& info) const;
  /// Sends it a signal as tgkill(2) does; at any time, from any thread. Catchers see it like any other.
  void send_signal(const SignalId& signal) const;

  /// Executes one syscall in this thread and returns the kernel's raw result, -errno for a failure; its registers are
  /// as before afterwards. Throws UsageError where no user code can run any more (dying thread), ProcessGone if it
  /// dies.
  template <class... A>
  std::int64_t invoke_syscall(const SyscallId& syscall, A&&... arguments) const {
    static_assert(sizeof...(A) <= 6, "a syscall takes at most six arguments");
    const std::array<InvokeArgument, sizeof...(A)> list{InvokeArgument(std::forward<A>(arguments))...};
    return invoke(syscall, list);
  }
  /// The same with arguments made at run time; more than six throw UsageError.
  std::int64_t invoke(const SyscallId& syscall, std::span<const InvokeArgument> arguments) const;
  /// Executes syscalls one after another as invoke_syscall() does, in one stop as far as nobody handles them, and
  /// returns their results: `invoke_batch({{"openat", AT_FDCWD, path, O_RDONLY}, {"close", result_of(0)}})`. There are
  /// fewer results than calls when an execve succeeded or, if wanted, a call failed. Throws UsageError for a
  /// result_of() that is no earlier call, before any is made.
  std::vector<std::int64_t> invoke_batch(std::span<const BatchCall> calls, const BatchOptions& options = {}) const;
  std::vector<std::int64_t> invoke_batch(std::initializer_list<BatchCall> calls,
                                         const BatchOptions& options = {}) const {
    return invoke_batch(std::span(calls.begin(), calls.size()), options);
  }

  /// Calls a function of the program in this thread, by symbol, Location or address, and returns its result as an R;
  /// without one, the result register as it is. Afterwards the thread stands where it stood, at the same stop and with
  /// the same registers (vector registers too) and signal mask. Throws CallInterrupted when a synchronous trap,
  /// interrupt() or a deadly signal comes first, TimedOut, ProcessGone, SymbolError, and UsageError where no user code
  /// can run any more.
  template <class R = std::uint64_t, class... A>
  R call(const Location& function, A&&... arguments) const {
    return call<R>(CallOptions{}, function, std::forward<A>(arguments)...);
  }
  template <class R = std::uint64_t, class... A>
  R call(const CallOptions& options, const Location& function, A&&... arguments) const {
    const std::array<CallArgument, sizeof...(A)> list{CallArgument(std::forward<A>(arguments))...};
    return detail::result_as<R>(call_function(function, list, detail::call_value_kind<R>(), options));
  }
  /// The same with arguments made at run time.
  CallValue call_function(const Location& function, std::span<const CallArgument> arguments, CallValueKind result,
                          const CallOptions& options = {}) const;
  /// Whether it is in a function that call() was interrupted in, see CallInterrupted.
  [[nodiscard]] bool in_call() const;
  /// Goes on with that function (the innermost) until it returns, as call() would have; what was to be copied back is
  /// not. Throws UsageError when there is none.
  template <class R = std::uint64_t>
  R finish_call(const CallOptions& options = {}) const {
    return detail::result_as<R>(finish_function(detail::call_value_kind<R>(), options));
  }
  /// Takes it out of that function: the thread is where it was before. What the function has done stays done.
  void abandon_call() const;

  // All of these end early when a trap stops the process, and return that Stop; otherwise one of kind `stepped`. Inside
  // a callback the others run as they do anyway.

  /// Executes one instruction.
  Stop step(Others others = Others::stop) const;
  /// Steps until the pc is at the location, at most `max` times.
  Stop step_until(const Location& location, std::size_t max = SIZE_MAX, Others others = Others::stop) const;
  /// Executes one instruction, or a call as a whole; ends where a longjmp over it lands.
  Stop next(Others others = Others::run) const;
  /// Goes on until the function has returned; throws UsageError when it is unknown where to.
  Stop finish(FinishBy by = FinishBy::unwinding, Others others = Others::run) const;

  friend bool operator==(const Thread& a, const Thread& b) { return a.state_ == b.state_; }

  /// For trapline itself: handles come from Process, Stop and callbacks.
  explicit Thread(std::shared_ptr<core::ThreadState> state);
  [[nodiscard]] const std::shared_ptr<core::ThreadState>& state() const { return state_; }

 private:
  CallValue finish_function(CallValueKind result, const CallOptions& options) const;

  std::shared_ptr<core::ThreadState> state_;
};

}  // namespace trapline
