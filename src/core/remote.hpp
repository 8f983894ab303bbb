#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <trapline/invoke.hpp>

#include "arch/arch.hpp"
#include "core/process.hpp"
#include "core/thread_state.hpp"

namespace trapline::core {

using SyscallArgs = std::array<std::uint64_t, 6>;

/// Code of ours in the tracee that runs onto a trap instruction of its own.
struct RemoteCode {
  Address start = 0;
  Address trap = 0;
  /// A register, as a word of the general set, and what it holds to begin with.
  std::size_t word = 0;
  std::uint64_t value = 0;
};

/// The scope in which a stopped thread runs syscalls of ours. It leaves whatever stop the thread is at, and brings it
/// back to an equivalent one: same registers, same view, an interrupted syscall that still restarts, signals still to
/// come.
///
/// No code is patched: the thread executes a syscall instruction that its program has anyway. On the tracer thread.
class Remote {
 public:
  explicit Remote(ThreadState& thread);
  /// Restores, if finish() did not.
  ~Remote();
  Remote(const Remote&) = delete;
  Remote& operator=(const Remote&) = delete;

  /// Runs a syscall that no handler sees; the kernel's raw result.
  [[nodiscard]] std::int64_t call(std::int64_t number, const SyscallArgs& args);
  /// Runs a syscall like the program's own, with its handlers.
  [[nodiscard]] std::int64_t call_seen(std::int64_t number, const SyscallArgs& args);
  /// Runs code of ours; false when it faulted before its end.
  [[nodiscard]] bool run(const RemoteCode& code);
  /// What a register holds at the end of that.
  [[nodiscard]] std::uint64_t word(std::size_t index) { return thread_.registers.glance(index); }
  /// Whether the thread can run onto a trap: it does not block SIGTRAP.
  [[nodiscard]] bool can_trap();
  /// Whether the thread has seccomp filters of its own, which may forbid what the program does not do itself.
  [[nodiscard]] bool has_own_filters();
  /// A call was executed that may have changed that.
  void forget_filters();
  /// An execve was executed.
  [[nodiscard]] bool executed() const { return executed_; }
  void finish();

  // For what runs longer than one command (FunctionCall).
  /// The registers to begin with: those of the thread, from which the kernel restarts no syscall.
  void begin_elsewhere();
  /// Commands of others and the thread's own events have their way until take_up().
  void put_down();
  void take_up();
  /// Leaves the thread where it is, at none of its stops; the signals that came meanwhile are the caller's.
  [[nodiscard]] std::vector<HeldSignal> surrender();

  [[nodiscard]] Abi abi() const { return abi_; }
  [[nodiscard]] Process& process() const { return process_; }

 private:
  void leave_event();
  void leave_enter();
  void hold_current_signal();
  void enter_call(std::int64_t number, const SyscallArgs& args);
  /// Lets the thread go on and waits until it stops; false when it was not for what we wait for and it is to go on
  /// again.
  bool go(os::Resume how);
  void adopt_child();
  void fix_child_registers(RegisterCache& registers) const;
  void return_to_enter();
  void return_to_signal_check();
  void resend_held();
  /// Whether the signal that it stopped for is the end of the code that it runs.
  [[nodiscard]] bool ended_code();
  void recall_findings();
  void keep_findings() const;
  void forget_findings();
  /// The registers to run something of ours with.
  void set_registers();
  [[nodiscard]] Address syscall_site();
  void restore_view();

  ThreadState& thread_;
  Process& process_;
  std::optional<Process::Busy> busy_;
  Abi abi_;
  const arch::SyscallRegs& words_;
  std::vector<std::byte> saved_;
  std::int64_t saved_number_ = 0;
  std::int64_t saved_result_ = 0;
  std::uint64_t saved_pc_ = 0;
  os::WaitStatus saved_status_;
  ThreadState::View saved_view_;
  bool saved_emulated_;
  std::optional<Claim> claim_;
  bool was_at_enter_ = false;
  bool left_enter_ = false;
  bool interrupted_ = false;
  bool executed_ = false;
  bool finished_ = false;
  const RemoteCode* code_ = nullptr;
  RemoteMemory::Findings findings_;
  /// When it began, while no other thread ran; nothing once something else than calls of ours may have.
  std::optional<std::uint64_t> quiet_since_;
  /// What came meanwhile: sent again at the end.
  std::vector<HeldSignal> held_;
};

/// Private memory of the tracee, as mmap(2) takes it.
struct NewMapping {
  Address hint = 0;
  std::size_t size = 0;
  int protection = 0;
  int flags = 0;
};
/// The address, or -errno.
[[nodiscard]] std::int64_t map_memory(Remote& remote, const NewMapping& what);
/// The same, of which forked children get nothing.
[[nodiscard]] std::int64_t map_unshared(Remote& remote, const NewMapping& what);
void unmap_memory(Remote& remote, Address address, std::size_t size);
inline bool failed(std::int64_t result) { return result < 0 && result > -4096; }

/// invoke_syscall: copies arguments in, runs the call, copies outputs back.
[[nodiscard]] std::int64_t invoke(ThreadState& thread, const SyscallId& syscall,
                                  std::span<const InvokeArgument> arguments);

/// One call of such an invocation, in a scope that may have more of them.
[[nodiscard]] std::int64_t invoke_in(Remote& remote, ThreadState& thread, std::int64_t number,
                                     std::span<const InvokeArgument> arguments);
/// Whether handlers or observers want that call.
[[nodiscard]] bool seen_by_someone(Process& process, Abi abi, std::int64_t number);

/// At a signal-delivery-stop that interrupted a syscall: finds out whether the handler of the signal restarts syscalls.
/// That costs the stop; the signal comes back with the answer.
void ask_whether_signal_restarts(ThreadState& thread);

/// Unmaps the scratch mappings, which nobody uses.
void unmap_scratch(Remote& remote);
/// Unmaps all that is ours and not in use, before the process is let go.
void remove_mappings(ThreadState& thread);

}  // namespace trapline::core
