#pragma once

#include <sys/types.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <trapline/stop.hpp>

#include "core/lifecycle_trap.hpp"
#include "core/open_call.hpp"
#include "core/register_cache.hpp"
#include "core/register_file.hpp"
#include "os/debug_registers.hpp"
#include "os/ptrace.hpp"
#include "os/wait.hpp"

namespace trapline::core {

class BreakpointTrap;
class FunctionCall;
class Process;
class SignalTrap;
class Trap;
struct Slot;

/// A signal that we took from a thread (to run something in it) and owe it: a carrier brings it back (send_held), and
/// at that delivery stop it gets its own siginfo again.
struct HeldSignal {
  siginfo_t info{};
  /// Its event was dispatched before it was taken.
  bool dispatched = false;
  /// Whether the program's handler restarts syscalls, when that was asked already.
  std::optional<bool> restarts{};
  /// It is no signal of the program's: the user set it, and it needs no carrier.
  bool plain = false;
};

/// The delivery of a signal that somebody looks at.
struct SignalStop {
  /// Tells it from the thread's later ones.
  std::uint64_t serial = 0;
  siginfo_t original{};
  /// What the program's handler is to get.
  siginfo_t info{};
  /// The user wrote it.
  bool own_info = false;
  std::optional<bool> restarts{};
  /// The catchers that ran, in their order.
  std::vector<std::shared_ptr<SignalTrap>> ran{};
};

/// What one debug register of a thread saw.
struct WatchHit {
  std::shared_ptr<const std::vector<std::shared_ptr<BreakpointTrap>>> traps;
  /// The thread stands before the instruction; otherwise behind the one that made the access.
  bool execute = false;
  Address address = 0;
  /// What is watched, before and after; nothing where no memory is.
  std::optional<std::uint64_t> old_value{};
  std::optional<std::uint64_t> new_value{};
};

/// One tracee. Its members belong to the tracer thread, except the atomics.
class ThreadState : public std::enable_shared_from_this<ThreadState> {
 public:
  enum class Run {
    running,
    stopped,
    dying,  ///< let go from its PTRACE_EVENT_EXIT: only its death follows
    dead,
  };
  /// A stop that a seccomp filter asked for; its status is that of any enter.
  enum class FilterStop {
    none,
    enter,
    nothing,  ///< of a call whose enter was seen already, or that nobody asked for
  };
  /// What the syscall fields of the user's handle mean at this stop.
  enum class View { none, enter, exit };

  ThreadState(std::shared_ptr<Process> owner, pid_t id) : process(std::move(owner)), tid(id), registers(id) {}

  [[nodiscard]] bool stopped() const { return run == Run::stopped; }
  [[nodiscard]] bool alive() const { return run == Run::running || run == Run::stopped; }

  /// It leaves the stop at which traps were hit.
  void forget_hits() {
    hits.clear();
    if (!caught_as) return;
    caught.clear();
    caught_as.reset();
    caught_facts = {};
    caught_libraries.clear();
  }

  /// After an exec.
  void forget_traps() {
    trapped_at.reset();
    owed.clear();
    slot = nullptr;
    hit_due = site_due = follows_call = false;
    hits.clear();
    watched.clear();
    debug_registers = {};
  }

  /// All that is due at its stop, or to be told of it; apart from the stop itself.
  [[nodiscard]] auto due() {
    return std::tie(pending, injected, signal_stop, signal_due, trapped_at, hit_due, site_due, watched, hits, caught,
                    caught_as, caught_facts, settled, follows_call, newborn, calls, reentering, known_info,
                    returned_from_handler, exit_due);
  }

  const std::shared_ptr<Process> process;
  /// Changes once at most: when an exec makes a thread the leader.
  std::atomic<pid_t> tid;
  std::atomic<bool> dead{false};

  Run run = Run::running;
  /// Why it is stopped.
  os::WaitStatus status;
  /// Its stop was kept and is not dispatched yet.
  bool pending = false;
  /// Its stop was looked at and not taken (os::look_any).
  bool untaken = false;
  /// That stop's status, should `status` have changed since.
  os::WaitStatus untaken_status;
  /// Somebody waits for this thread's next stop and handles it himself.
  bool claimed = false;
  /// We asked for a stop that has not come yet, and need not come if another stop is first.
  bool interrupted = false;
  /// At rest for a running callback's sake; counts them.
  unsigned holds = 0;
  /// A group-stop in which the kernel keeps it (PTRACE_LISTEN).
  bool listening = false;
  /// Was gone without a word when it was last looked for (Tracer::recover_stolen).
  bool missing = false;
  bool fresh = true;

  os::Resume last_resume = os::Resume::cont;
  /// Delivered at the next resume; only a signal-delivery-stop has one.
  int signal = 0;
  std::deque<HeldSignal> held_signals;
  /// Sent to the thread when it goes on, since it is not at the delivery of a signal, or not any more.
  std::optional<HeldSignal> injected;
  /// It stays when an invocation has moved the thread away from its stop.
  std::optional<SignalStop> signal_stop;
  std::uint64_t signal_stops = 0;
  /// The process was stopped there, so that what the signal does to an interrupted call is still to be decided.
  bool signal_due = false;

  RegisterCache registers;
  RegisterFile register_file{*this};

  /// It stands on the instruction of a trap of ours, and that hit needs no report any more, or is about to get it.
  std::optional<Address> trapped_at;
  /// Its hit is still to be dispatched.
  bool hit_due = false;
  /// That hit is of the trap in the code under the pc.
  bool site_due = false;
  /// That hit is of these debug registers.
  std::vector<WatchHit> watched;
  /// What its debug registers hold.
  os::DebugRegisters debug_registers{};
  /// It was last sent into this slot.
  const Slot* slot = nullptr;
  /// Signals that come once the instruction under the trap is executed.
  std::vector<HeldSignal> owed;
  /// The traps that were hit at this stop, in their order.
  std::vector<std::shared_ptr<BreakpointTrap>> hits;
  /// The catchpoints that ran at this stop, and what they were told.
  std::vector<std::shared_ptr<LifecycleTrap>> caught;
  std::optional<StopKind> caught_as;
  LifecycleFacts caught_facts;
  std::vector<Library> caught_libraries;
  /// There is nothing to dispatch at this stop: it was about a signal that is owed.
  bool settled = false;
  /// Inside a syscall whose instruction carries a trap: its exit is seen, also when nobody handles syscalls.
  bool follows_call = false;
  /// Queued for Process::run_due_steps.
  bool step_due = false;
  /// The first thread of the child that it has had, which is still to be shown to the user.
  std::shared_ptr<ThreadState> newborn;
  /// Whose newborn this one is.
  std::weak_ptr<ThreadState> announcer;

  FilterStop filter_stop = FilterStop::none;
  View view = View::none;
  OpenCalls calls;
  /// The next enter stop is our own re-entry of a call that was seen already.
  bool reentering = false;
  /// At an enter stop that came by PTRACE_SYSEMU: the kernel will not run the call.
  bool emulated = false;
  /// The stop's syscall information, when the thread was moved away from where it stopped.
  std::optional<os::SyscallInfo> known_info;
  /// At the exit of an rt_sigreturn that stopped the process.
  std::optional<os::SyscallInfo> returned_from_handler;
  /// The exit of a call that was skipped under emulation is due before the thread goes on.
  bool exit_due = false;
  /// Whether the thread has seccomp filters of its own; unknown after it ran unwatched.
  std::optional<bool> filtered;
  /// The traps whose callbacks are running on this thread.
  std::vector<const Trap*> running_traps;
  /// Functions that it executes for us, the innermost last.
  std::vector<std::shared_ptr<FunctionCall>> function_calls;
};

namespace detail {
template <class References>
struct ValuesOf;
template <class... T>
struct ValuesOf<std::tuple<T&...>> {
  using type = std::tuple<T...>;
};
}  // namespace detail
/// ThreadState::due, out of the way while the thread executes something else.
using DueAtStop = detail::ValuesOf<decltype(std::declval<ThreadState&>().due())>::type;
inline DueAtStop take_due(ThreadState& thread) {
  return std::apply([](auto&... facts) { return DueAtStop(std::exchange(facts, {})...); }, thread.due());
}

/// Claims a thread for as long as it lives.
class Claim {
 public:
  explicit Claim(ThreadState& thread) : thread_(thread), outer_(std::exchange(thread.claimed, true)) {}
  ~Claim() { release(); }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  void release() { thread_.claimed = outer_; }

 private:
  ThreadState& thread_;
  const bool outer_;
};

}  // namespace trapline::core
