#include "core/held_signals.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <utility>

#include <trapline/error.hpp>

#include "os/proc.hpp"
#include "os/ptrace.hpp"
#include "os/signals.hpp"

namespace trapline::core {
namespace {

/// What tells a carrier from everything that a program may send.
constexpr std::uint64_t carrier_value = 0x7472'6170'6c69'6e65;

bool is_carrier(const siginfo_t& info) {
  if (info.si_code == SI_QUEUE) return reinterpret_cast<std::uintptr_t>(info.si_value.sival_ptr) == carrier_value;
  // Its siginfo is lost when the user has too many signals queued (RLIMIT_SIGPENDING).
  return info.si_code == SI_USER && info.si_pid == 0;
}

void send_carrier(const ThreadState& thread, int signal) {
  siginfo_t carrier{};
  carrier.si_signo = signal;
  carrier.si_code = SI_QUEUE;
  carrier.si_pid = ::getpid();
  carrier.si_uid = ::getuid();
  carrier.si_value.sival_ptr = reinterpret_cast<void*>(carrier_value);
  os::queue_signal(thread.process->pid(), thread.tid, carrier);
}

auto find_held(ThreadState& thread, int signal) {
  return std::ranges::find_if(thread.held_signals,
                              [=](const HeldSignal& held) { return held.info.si_signo == signal; });
}

}  // namespace

bool queues(int signal) { return signal >= SIGRTMIN; }

void send_held(ThreadState& thread, const HeldSignal& signal) {
  send_carrier(thread, signal.info.si_signo);
  thread.held_signals.push_back(signal);
}

HeldSignal take_signal(ThreadState& thread) {
  const siginfo_t info = os::signal_info(thread.tid);
  const int signal = thread.status.stop_signal();
  // A carrier brings the oldest one, whichever it was sent for.
  const auto oldest = find_held(thread, signal);
  if (oldest == thread.held_signals.end()) return {.info = info};
  const HeldSignal held = *oldest;
  thread.held_signals.erase(oldest);
  if (!is_carrier(info)) {
    // Another one, which was queued between the held one and its carrier: they come in their order, and the carrier is
    // this one's from here on. Where signals do not queue the kernel has merged the two; so it would have without us,
    // unless the first had reached its delivery.
    if (queues(signal) || held.dispatched) thread.held_signals.push_back({.info = info});
  }
  // Carriers were merged, too, or were dropped for a signal of the program's.
  if (!queues(signal) && find_held(thread, signal) != thread.held_signals.end()) send_carrier(thread, signal);
  os::set_signal_info(thread.tid, held.info);
  return held;
}

void inject(ThreadState& thread, const HeldSignal& signal) {
  if (thread.injected) send_held(thread, *thread.injected);
  thread.injected = signal;
}

siginfo_t info_from_us(int signal) {
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = SI_USER;
  info.si_pid = ::getpid();
  info.si_uid = ::getuid();
  return info;
}

bool changed_to_blocked(const ThreadState& thread) {
  return thread.signal != thread.status.stop_signal() && os::blocks_signal(thread.tid, thread.signal);
}

void put_off_signal(ThreadState& thread) {
  if (thread.signal == 0) return;
  HeldSignal signal{.dispatched = true};
  if (thread.signal_stop) {
    signal.info = thread.signal_stop->info;
    signal.restarts = thread.signal_stop->restarts;
  } else {
    signal.info = os::signal_info(thread.tid);
  }
  signal.info.si_signo = thread.signal;
  inject(thread, signal);
  thread.signal = 0;
}

void drop_blocked(ThreadState& thread) {
  if (thread.signal != 0 && thread.process->catchers().blocks(thread.signal)) thread.signal = 0;
}

void leave_signal_stop(ThreadState& thread) {
  thread.signal_stop.reset();
  if (std::exchange(thread.signal_due, false)) thread.pending = false;
  drop_blocked(thread);
  if (thread.signal != 0 && changed_to_blocked(thread)) {
    // The kernel queues it (ptrace_signal, Linux 2.6 and later), for any thread if the first was for any; when its time
    // comes it is reported as if it were new (HijackSignal.to_one_that_is_blocked_comes_later_and_once).
    siginfo_t info = os::signal_info(thread.tid);
    if (info.si_signo != thread.signal) os::set_signal_info(thread.tid, info = info_from_us(thread.signal));
    thread.process->catchers().expect({.info = info, .shown = true});
  }
  if (!thread.injected) return;
  const HeldSignal signal = *std::exchange(thread.injected, std::nullopt);
  SignalCatchers& catchers = thread.process->catchers();
  if (catchers.blocks(signal.info.si_signo)) return;
  try {
    if (signal.plain) {
      catchers.expect({.info = signal.info});
      os::send_signal(thread.process->pid(), thread.tid, signal.info.si_signo);
    } else {
      // It has been at its delivery: whatever else was held meanwhile came later.
      send_carrier(thread, signal.info.si_signo);
      thread.held_signals.push_front(signal);
    }
  } catch (const OsError&) {
    // Nobody waits for an answer here: the next stop tells.
    thread.process->fail(std::current_exception());
  }
}

void take_delivered(ThreadState& thread) { thread.signal = take_signal(thread).info.si_signo; }

}  // namespace trapline::core
