#include <algorithm>

#include <trapline/error.hpp>

#include "core/affinity_calls.hpp"
#include "core/function_call.hpp"
#include "core/held_signals.hpp"
#include "core/hints.hpp"
#include "core/one_cpu.hpp"
#include "core/owed_signals.hpp"
#include "core/process.hpp"
#include "core/remote.hpp"
#include "core/signal_dispatch.hpp"
#include "core/syscall_resume.hpp"
#include "core/thread_calls.hpp"
#include "os/error.hpp"
#include "os/proc.hpp"
#include "support/log.hpp"

namespace trapline::core {

using Event = os::WaitStatus::Event;
using Run = ThreadState::Run;

namespace {

/// A signal of ours is on its way to the thread, and comes before its program runs on.
bool held_signal_is_due(const ThreadState& thread) {
  const os::ThreadStatus status = os::read_status(thread.tid);
  return std::ranges::any_of(thread.held_signals, [&](const HeldSignal& held) {
    return ((status.pending & ~status.blocked) >> (held.info.si_signo - 1) & 1) != 0;
  });
}

/// Threads that are still in functions which we called go back to where they were.
void abandon_functions(Process& process) {
  for (const auto& thread : std::vector(process.thread_list())) {
    try {
      abandon_all_functions(*thread);
    } catch (const Error&) {
      // It died; or it waits in vfork and the function goes on alone.
    }
  }
}

/// The thread goes on on the CPUs that it may use without us.
void free_cpus(ThreadState& thread) {
  OneCpu* const one_cpu = thread.process->tracer().one_cpu();
  if (one_cpu == nullptr) return;
  try {
    settle_affinity_call_left(thread);
  } catch (const ProcessGone&) {
    // Killed where it stood.
  }
  one_cpu->free(thread.tid);
}

/// Takes our mappings out of the process again, by any thread that can run a syscall.
void unmap_all(Process& process) {
  for (const auto& thread : std::vector(process.thread_list())) {
    if (!process.remote_memory().mapped() && !process.breakpoints().slots().mapped()) return;
    if (!thread->stopped() || thread->status.event() == Event::exit) continue;
    try {
      if (has_own_filters(*thread)) continue;
      remove_mappings(*thread);
      process.breakpoints().slots().unmap(*thread);
    } catch (const Error&) {
      // It died, or is about to; the next one may do it.
    }
  }
}

}  // namespace

void Process::detach() {
  tracer_->call([&] {
    if (gone() || leaving()) throw_gone();
    check_may_leave("detach()");
    leave();
  });
  await_departure();
  if (dead()) throw_gone();
}

void Process::leave() {
  leaving_ = Leaving::soon;
  tracer_->note_due(*this);
  if (running()) gather();
  if (leave_when_idle()) return;
  // Commands of other callbacks, or the one that this callback interrupts, are in the middle of something: their
  // threads must not be let go there (HardPlaces.detached_in_a_callback_while_that_of_another_thread_waits).
  for (const auto& thread : std::vector(threads_)) {
    if (thread->run != Run::running) continue;
    try {
      os::interrupt(thread->tid);
    } catch (const ProcessGone&) {
      // Dying: its next status says so.
    }
  }
}

bool Process::leave_when_idle() {
  if (leaving_ != Leaving::soon || busy_ != 0 || in_place_ != 0 || gathering_) return false;
  leaving_ = Leaving::now;
  try {
    detach_here();
  } catch (const ProcessGone&) {
    // It died on the way, which its status tells.
  }
  return true;
}

void Process::await_departure() {
  if (tracer_->on_tracer_thread()) return;
  Tracer::TheftWatch watch(*tracer_);
  while (!gone()) {
    static_cast<void>(rest_->wait_change(rest_->get(), watch.next_look() - std::chrono::steady_clock::now()));
    watch.look();
  }
}

void Process::deliver_held(ThreadState& thread) {
  if (at_signal_delivery(thread) && std::exchange(thread.pending, false)) {
    take_delivered(thread);
  }
  // Those that we sent again carry our siginfo in the kernel's queue; each gets its own back at its delivery
  // (Attach.detach_gives_signals_back).
  while (thread.stopped() && !thread.held_signals.empty() && held_signal_is_due(thread)) {
    thread.registers.flush();
    os::resume(thread.tid, os::Resume::cont, std::exchange(thread.signal, 0));
    thread.registers.expire();
    thread.run = Run::running;
    tracer_->note_resumed(thread);
    tracer_->pump_until([&] { return thread.run != Run::running; });
    if (!at_signal_delivery(thread)) continue;
    take_delivered(thread);
  }
}

void Process::let_go(ThreadState& thread) {
  try {
    leave_for_good(thread);
    send_owed(thread);
    leave_signal_stop(thread);
    {
      const Claim claim(thread);
      deliver_held(thread);
    }
    if (!thread.stopped()) return;
    thread.registers.flush();
    os::detach(thread.tid, std::exchange(thread.signal, 0));
  } catch (const ProcessGone&) {
    // It died; nobody is left to let go.
  }
}

void Process::detach_here() {
  // Who waits in vfork can be let go when the child has left the memory.
  // For a child that is kept at a stop nobody waits (Family.a_parent_in_vfork_is_let_go_while_the_child_rests).
  const auto child_rests = [&] {
    return std::ranges::any_of(borrowers_, [](const Process* borrower) { return borrower->at_rest_now(); });
  };
  tracer_->pump_until([&] {
    if (dead() || (child_rests() && !may_execute())) return true;
    return std::ranges::none_of(threads_,
                                [](const auto& thread) { return thread->run == Run::running && !thread->claimed; });
  });
  if (dead()) throw_gone();
  abandon_functions(*this);
  tell_hints(*this);
  try {
    // The last chance: afterwards the id may become another's.
    static_cast<void>(memory());
  } catch (const Error&) {
    // Nobody wanted it so far.
  }
  try {
    breakpoints_.lift_all();
  } catch (const Error&) {
    // It died meanwhile, and its memory with it.
  }
  unmap_all(*this);
  end_loans();
  for (const auto& thread : std::vector(threads_)) {
    release_newborn(*thread);
    free_cpus(*thread);
    if (thread->stopped()) let_go(*thread);
    // Its death is still to be taken, and is nobody else's (Attach.while_threads_come_and_go).
    // Who waits in vfork stops when that is over.
    const bool in_vfork = thread->run == Run::running && !thread->claimed;
    if (thread->run == Run::dying || in_vfork) tracer_->release_at_first_stop(thread->tid);
    tracer_->remove(thread->tid);
    thread->registers.freeze();
    thread->run = Run::dead;
    thread->dead = true;
  }
  kept_.clear();
  late_.clear();
  due_steps_.clear();
  deferred_stops_.clear();
  tracer_->remove(*this);
  tracer_->leave_cpu_if_alone();
  {
    const std::lock_guard lock(mutex_);
    threads_.clear();
    stop_.reset();
  }
  rest_->set(RestSignal::State::detached);
  support::log(LogCategory::process, [&] { return "let process " + std::to_string(pid_) + " go"; });
}

}  // namespace trapline::core
