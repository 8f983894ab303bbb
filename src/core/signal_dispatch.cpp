#include "core/signal_dispatch.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/held_signals.hpp"
#include "core/remote.hpp"
#include "core/signal_view.hpp"
#include "core/syscall_dispatch.hpp"
#include "core/thread_calls.hpp"
#include "core/trap_dispatch.hpp"
#include "os/proc.hpp"
#include "os/signals.hpp"

namespace trapline::core {
namespace {

using State = OpenCall::State;

constexpr std::int64_t erestartsys = -512;
constexpr std::int64_t erestartnointr = -513;

/// Whether the handler of this signal makes the kernel restart the call that it interrupted; nothing when the program
/// does not handle the signal, so that the call restarts in any case (or the process stops or dies).
enum class Interruption { none, restarts, ends, unknown };

Interruption interruption(ThreadState& thread, const OpenCall& call) {
  if (!os::catches_signal(thread.tid, thread.signal)) return Interruption::none;
  const auto result = thread.registers.signed_word(arch::syscall_regs(thread.process->arch(), call.abi).result);
  // An earlier handler has returned onto the instruction already: the call will be issued again in any case.
  if (result == erestartnointr || !restarts(result)) return Interruption::restarts;
  if (result != erestartsys) return Interruption::ends;
  const SignalStop* stop = thread.signal_stop ? &*thread.signal_stop : nullptr;
  if (stop != nullptr && stop->restarts) return *stop->restarts ? Interruption::restarts : Interruption::ends;
  return Interruption::unknown;
}

/// Whether si_pid names the sender: of signals from programs, and of those that tell of a child.
bool names_sender(const siginfo_t& info) {
  return info.si_code == SI_USER || info.si_code == SI_QUEUE || info.si_code == SI_TKILL || info.si_code == SI_MESGQ ||
         info.si_signo == SIGCHLD;
}

void show_signal(ThreadState& thread, const siginfo_t& info) {
  const auto watchers = thread.process->watchers();
  const SignalRecord record{.signal = info.si_signo,
                            .code = info.si_code,
                            .sender = names_sender(info) ? info.si_pid : 0,
                            .address = fault_address(info)};
  const Tracer::CallbackScope scope(thread.process->tracer());
  Thread handle(thread.shared_from_this());
  for (const auto& watcher : *watchers) {
    if (watcher.observer->on_signal) watcher.observer->on_signal(handle, record);
  }
}

/// The thread is still where this dispatch began; a callback may have stepped it on, or ended it.
bool still_at(const ThreadState& thread, std::uint64_t serial) {
  return !cut_short(thread) && thread.signal_stop && thread.signal_stop->serial == serial;
}

/// True when the trap wants the process stopped here.
bool run_catcher(ThreadState& thread, const std::shared_ptr<SignalTrap>& trap) {
  trap->count_hit();
  if (trap->once) {
    trap->spent = true;
    trap->enabled = false;
  }
  thread.signal_stop->ran.push_back(trap);
  if (trap->replacement != 0) view_set_signal(thread, trap->replacement);
  if (trap->synchronous()) return true;
  if (const auto callback = trap->callback) {
    call_user(thread, *trap, [&](Thread& handle) {
      SignalCatcher catcher(trap);
      (*callback)(handle, catcher);
    });
  }
  return false;
}

/// Those for one signal; true in `recurse` when the catchers of what it became are to run too.
Verdict run_list(ThreadState& thread, const SignalCatchers::List& list, bool& recurse) {
  const std::uint64_t serial = thread.signal_stop->serial;
  bool stop = false;
  for (const auto& trap : list) {
    const auto& ran = thread.signal_stop->ran;
    if (std::ranges::find(ran, trap) != ran.end()) continue;
    const int before = view_signal(thread);
    if (trap->replacement != 0 && trap->replacement == before) continue;
    const bool taken = takes(thread, *trap);
    if (!still_at(thread, serial)) return Verdict::go_on;
    if (!taken) continue;
    stop |= run_catcher(thread, trap);
    if (!still_at(thread, serial)) return Verdict::go_on;
    if (view_signal(thread) != before) recurse = trap->recursive;
  }
  return stop ? Verdict::stop : Verdict::go_on;
}

Verdict run_catchers(ThreadState& thread) {
  const auto index = thread.process->catchers().index();
  const std::uint64_t serial = thread.signal_stop->serial;
  const int original = thread.signal_stop->original.si_signo;
  Verdict verdict = Verdict::go_on;
  std::vector<int> met;
  for (int current = original;;) {
    bool recurse = false;
    if (run_list(thread, index->by_number[static_cast<std::size_t>(current)], recurse) == Verdict::stop) {
      verdict = Verdict::stop;
    }
    if (!still_at(thread, serial)) return Verdict::go_on;
    const int now = view_signal(thread);
    if (!recurse || now == current || now == 0) return verdict;
    met.push_back(current);
    if (std::ranges::find(met, now) != met.end()) {
      view_set_signal(thread, original);
      throw UsageError("the recursive catchers of " + os::signal_name(original) + " lead back to " +
                       os::signal_name(now) + ": a loop");
    }
    current = now;
  }
}

/// Whether anybody has to do with the signal that the thread is about to get.
bool concerns_someone(ThreadState& thread) {
  Process& process = *thread.process;
  if (!thread.held_signals.empty() || process.catchers().expects_any()) return true;
  if (!process.catchers().find(thread.signal).empty() || process.catchers().blocks(thread.signal)) return true;
  if (!thread.calls.empty() && thread.calls.top().state == State::restarting) return true;
  return std::ranges::any_of(*process.watchers(), [](const auto& w) { return bool(w.observer->on_signal); });
}

/// What the signal does to a call that it interrupted, once it is known which one is delivered.
Verdict decide_about_call(ThreadState& thread) {
  // An invocation has moved the thread: the signal comes again.
  if (!decides_delivery(thread)) return Verdict::go_on;
  drop_blocked(thread);
  if (thread.signal == 0 || thread.calls.empty() || thread.calls.top().state != State::restarting)
    return Verdict::go_on;
  if (changed_to_blocked(thread)) return Verdict::go_on;
  OpenCall& call = thread.calls.top();
  const Interruption what = interruption(thread, call);
  if (what == Interruption::unknown && !has_own_filters(thread)) {
    // The answer needs a syscall in the tracee, which costs it this stop: the signal comes back with the answer.
    ask_whether_signal_restarts(thread);
    return Verdict::go_on;
  }
  switch (what) {
    case Interruption::none: return Verdict::go_on;
    case Interruption::ends: return end_call(thread, call, -EINTR);
    case Interruption::unknown:  // Its own filters may forbid the question: the handler's return tells.
    case Interruption::restarts: call.state = State::in_handler; return Verdict::go_on;
  }
  return Verdict::go_on;
}

}  // namespace

Address fault_address(const siginfo_t& info) {
  const bool fault =
      info.si_signo == SIGSEGV || info.si_signo == SIGBUS || info.si_signo == SIGILL || info.si_signo == SIGFPE;
  return fault && info.si_code > 0 ? reinterpret_cast<Address>(info.si_addr) : 0;
}

Verdict on_signal_stop(ThreadState& thread) {
  if (std::exchange(thread.signal_due, false)) return decide_about_call(thread);
  thread.signal = thread.status.stop_signal();
  thread.signal_stop.reset();
  if (!concerns_someone(thread)) return Verdict::go_on;
  Process& process = *thread.process;
  const HeldSignal came = take_signal(thread);
  const std::uint64_t serial = ++thread.signal_stops;
  thread.signal_stop =
      SignalStop{.serial = serial, .original = came.info, .info = came.info, .restarts = came.restarts};
  const auto expected = came.dispatched ? std::nullopt : process.catchers().take_expected(came.info);
  // Until the catchers are through: what they throw stops the process here, and the decision is still to be made.
  thread.signal_due = true;
  Verdict verdict = Verdict::go_on;
  if (!came.dispatched && !expected) verdict = run_catchers(thread);
  if (!still_at(thread, serial)) return Verdict::go_on;
  if (!came.dispatched && !(expected && expected->shown)) show_signal(thread, came.info);
  if (!still_at(thread, serial)) return Verdict::go_on;
  if (verdict == Verdict::stop || process.stop_wanted()) return Verdict::stop;
  thread.signal_due = false;
  return decide_about_call(thread);
}

bool signal_would_stop(ThreadState& thread) {
  SignalCatchers& catchers = thread.process->catchers();
  const auto& list = catchers.find(thread.status.stop_signal());
  const auto may_stop = [&](const auto& trap) {
    return may_take(thread, *trap) && (trap->synchronous() || (trap->recursive && catchers.any_synchronous()));
  };
  if (std::ranges::any_of(list, may_stop)) return true;
  if (thread.calls.empty() || thread.calls.top().state != State::restarting) return false;
  return std::ranges::any_of(thread.calls.top().ran,
                             [](const auto& trap) { return trap->live() && trap->synchronous(); });
}

bool signal_is_due(ThreadState& thread) {
  if (!thread.signal_due || !thread.stopped()) return false;
  if (decides_delivery(thread)) return true;
  // An invocation has moved the thread: the signal comes again.
  thread.signal_due = false;
  return false;
}

void describe_signal(ThreadState& thread, Stop& stop) {
  if (!thread.signal_stop || !thread.signal_due) return;
  stop.kind = StopKind::signal;
  stop.signal = thread.signal_stop->original.si_signo;
  stop.address = fault_address(thread.signal_stop->original);
  for (const auto& trap : thread.signal_stop->ran) stop.catchers.emplace_back(trap);
}

}  // namespace trapline::core
