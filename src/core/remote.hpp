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
  [[nodiscard]] bool can_step() const;
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
void unmap_memory(Remote& remote, Address address, std::size_t size);
inline bool failed(std::int64_t result) { return result < 0 && result > -4096; }

/// invoke_syscall: copies arguments in, runs the call, copies outputs back.
[[nodiscard]] std::int64_t invoke(ThreadState& thread, const SyscallId& syscall,
                                  std::span<const InvokeArgument> arguments);

/// At a signal-delivery-stop that interrupted a syscall: finds out whether the handler of the signal restarts syscalls.
/// That costs the stop; the signal comes back with the answer.
void ask_whether_signal_restarts(ThreadState& thread);

/// Unmaps our scratch mapping, and the page to which called functions return, if there are such, before the process is
/// let go.
void remove_scratch(ThreadState& thread);

}  // namespace trapline::core
