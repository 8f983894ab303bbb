#include "core/signal_view.hpp"

#include <string>

#include <trapline/error.hpp>

#include "core/held_signals.hpp"
#include "os/ptrace.hpp"
#include "os/signals.hpp"

namespace trapline::core {
namespace {

/// What a handler gets of a signal that replaces another one.
siginfo_t info_for(const SignalStop& stop, int signal) {
  // Whoever sent the first has sent what it became; but what the kernel tells of a fault, a child or a timer of its own
  // means nothing in another signal, and there the kernel itself says that its tracer sent it (ptrace(2)).
  const bool keeps_sender = stop.original.si_code <= 0;
  siginfo_t info = stop.own_info ? stop.info : stop.original;
  if (!stop.own_info && signal != stop.original.si_signo && !keeps_sender) info = info_from_us(signal);
  info.si_signo = signal;
  return info;
}

void write_info(ThreadState& thread, const siginfo_t& info) {
  thread.signal_stop->info = info;
  if (decides_delivery(thread)) {
    os::set_signal_info(thread.tid, info);
  } else if (thread.injected) {
    thread.injected->info = info;
  }
}

const SignalStop& stop_of(const ThreadState& thread, const char* what) {
  if (thread.signal_stop) return *thread.signal_stop;
  throw UsageError(std::string(what) + " away from the delivery of a signal: only there is there anything to tell");
}

}  // namespace

int view_signal(const ThreadState& thread) {
  if (decides_delivery(thread)) return thread.signal;
  return thread.injected ? thread.injected->info.si_signo : 0;
}

void view_set_signal(ThreadState& thread, int signal) {
  if (decides_delivery(thread)) {
    thread.signal = signal;
  } else if (signal == 0) {
    thread.injected.reset();
  } else if (thread.signal_stop) {
    thread.injected = HeldSignal{.info = info_for(*thread.signal_stop, signal), .dispatched = true};
  } else {
    thread.injected = HeldSignal{.info = info_from_us(signal), .plain = true};
    thread.injected->info.si_code = SI_TKILL;
  }
  if (signal != 0 && thread.signal_stop) write_info(thread, info_for(*thread.signal_stop, signal));
}

siginfo_t view_signal_info(const ThreadState& thread) { return stop_of(thread, "signal_info()").info; }

void view_set_signal_info(ThreadState& thread, siginfo_t info) {
  static_cast<void>(stop_of(thread, "set_signal_info()"));
  const int signal = view_signal(thread);
  info.si_signo = signal != 0 ? signal : thread.signal_stop->original.si_signo;
  thread.signal_stop->own_info = true;
  write_info(thread, info);
}

void send_signal(Process& process, int signal) {
  process.tracer().call([&] {
    if (process.pid() == 0) throw UsageError("there is no process yet: call run() or attach() first");
    if (process.gone()) throw ProcessGone("process " + std::to_string(process.pid()) + " is gone");
    os::send_signal(process.pid(), signal);
  });
}

void send_signal(ThreadState& thread, int signal) {
  thread.process->tracer().call([&] {
    if (thread.dead) throw ProcessGone("thread " + std::to_string(thread.tid) + " is dead");
    os::send_signal(thread.process->pid(), thread.tid, signal);
  });
}

}  // namespace trapline::core
