#include "core/signal_dispatch.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/remote.hpp"
#include "core/syscall_dispatch.hpp"
#include "os/proc.hpp"

namespace trapline::core {
namespace {

using State = OpenCall::State;

constexpr std::int64_t erestartsys = -512;
constexpr std::int64_t erestartnointr = -513;

/// Whether the handler of this signal makes the kernel restart the call that it interrupted; nothing when the program
/// does not handle the signal, so that the call restarts in any case (or the process stops or dies).
enum class Interruption { none, restarts, ends, unknown };

Interruption interruption(ThreadState& thread, const OpenCall& call, int signal, std::optional<bool> known) {
  if (!os::catches_signal(thread.tid, signal)) return Interruption::none;
  const auto result = thread.registers.signed_word(arch::syscall_regs(thread.process->arch(), call.abi).result);
  // An earlier handler has returned onto the instruction already: the call will be issued again in any case.
  if (result == erestartnointr || !restarts(result)) return Interruption::restarts;
  if (result != erestartsys) return Interruption::ends;
  if (known) return *known ? Interruption::restarts : Interruption::ends;
  return Interruption::unknown;
}

std::optional<HeldSignal> find_held(ThreadState& thread, int signal, const siginfo_t& info) {
  const auto same = [&](const HeldSignal& held) { return held.info.si_signo == signal; };
  const auto found = std::ranges::find_if(thread.held_signals, same);
  if (found == thread.held_signals.end()) return std::nullopt;
  // In a pid namespace of its own the tracee sees our pid as 0.
  const bool carrier = info.si_code == SI_TKILL && (info.si_pid == ::getpid() || info.si_pid == 0);
  if (!carrier) {
    // Merged with one of the same number that was pending: that one stands for both, as without us.
    if (signal < SIGRTMIN) thread.held_signals.erase(found);
    return std::nullopt;
  }
  HeldSignal held = *found;
  thread.held_signals.erase(found);
  os::set_signal_info(thread.tid, held.info);
  return held;
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
                            .address = info.si_code > 0 && (info.si_signo == SIGSEGV || info.si_signo == SIGBUS ||
                                                            info.si_signo == SIGILL || info.si_signo == SIGFPE)
                                           ? reinterpret_cast<Address>(info.si_addr)
                                           : 0};
  const Tracer::CallbackScope scope(thread.process->tracer());
  Thread handle(thread.shared_from_this());
  for (const auto& watcher : *watchers) {
    if (watcher.observer->on_signal) watcher.observer->on_signal(handle, record);
  }
}

}  // namespace

void take_held(ThreadState& thread, int signal) {
  if (!thread.held_signals.empty()) static_cast<void>(find_held(thread, signal, os::signal_info(thread.tid)));
}

Verdict on_signal_stop(ThreadState& thread) {
  const int signal = thread.status.stop_signal();
  thread.signal = signal;
  const bool watched =
      std::ranges::any_of(*thread.process->watchers(), [](const auto& w) { return bool(w.observer->on_signal); });
  const bool interrupted = !thread.calls.empty() && thread.calls.top().state == State::restarting;
  if (!watched && !interrupted && thread.held_signals.empty()) return Verdict::go_on;
  siginfo_t info = os::signal_info(thread.tid);
  const auto held = find_held(thread, signal, info);
  if (held) info = held->info;
  if (watched && !(held && held->dispatched)) show_signal(thread, info);
  if (!interrupted || !thread.stopped()) return Verdict::go_on;

  OpenCall& call = thread.calls.top();
  Interruption what = interruption(thread, call, signal, held ? held->restarts : std::nullopt);
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

}  // namespace trapline::core
