#include "core/owed_signals.hpp"

#include <csignal>
#include <utility>

#include "arch/arch.hpp"
#include "core/held_signals.hpp"
#include "core/process.hpp"

namespace trapline::core {

bool raised_by_instruction(const siginfo_t& info) {
  const bool fault = info.si_signo == SIGSEGV || info.si_signo == SIGBUS || info.si_signo == SIGFPE ||
                     info.si_signo == SIGILL || info.si_signo == SIGTRAP;
  return fault && info.si_code > 0;
}

bool at_end_of_step(const ThreadState& thread) {
  const bool may_be = thread.last_resume == os::Resume::step && thread.status.delivered_signal() == SIGTRAP;
  if (!may_be) return false;
  const siginfo_t info = os::signal_info(thread.tid);
  return info.si_code > 0 && info.si_code != arch::info(thread.process->arch()).trap_signal_code;
}

void owe_taken(ThreadState& thread) {
  HeldSignal taken = take_signal(thread);
  const int signal = taken.info.si_signo;
  const auto same = [=](const HeldSignal& owed) { return owed.info.si_signo == signal && !owed.dispatched; };
  // It is still to come, and the kernel keeps one of those that do not queue.
  if (!queues(signal) && std::ranges::any_of(thread.owed, same)) return;
  thread.owed.push_back(std::move(taken));
}

void settle_owed(ThreadState& thread) {
  const bool at_signal = thread.status.signal_stop();
  const siginfo_t now = at_signal ? os::signal_info(thread.tid) : siginfo_t{};
  const bool too_early = thread.trapped_at && at_signal && !raised_by_instruction(now);
  if (too_early) {
    owe_taken(thread);
    thread.status = os::WaitStatus::bare_stop();
    thread.settled = true;
    return;
  }
  auto owed = std::exchange(thread.owed, {});
  if (at_end_of_step(thread)) {
    const siginfo_t first = owed.front().info;
    owed.erase(owed.begin());
    os::set_signal_info(thread.tid, first);
    thread.signal = first.si_signo;
    thread.status = os::WaitStatus::stopped(first.si_signo);
    thread.settled = true;
  }
  for (const HeldSignal& signal : owed) send_held(thread, signal);
}

void owe_signal(ThreadState& thread) {
  siginfo_t info = os::signal_info(thread.tid);
  if (info.si_signo != thread.signal) info = info_from_us(thread.signal);
  thread.owed.push_back({.info = info, .dispatched = true});
  thread.signal = 0;
}

void send_owed(ThreadState& thread) {
  for (const HeldSignal& signal : std::exchange(thread.owed, {})) send_held(thread, signal);
}

}  // namespace trapline::core
