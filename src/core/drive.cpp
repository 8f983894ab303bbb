#include "core/drive.hpp"

#include <array>
#include <csignal>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/catchpoints.hpp"
#include "core/owed_signals.hpp"
#include "core/signal_dispatch.hpp"
#include "core/step_in_place.hpp"
#include "core/syscall_dispatch.hpp"
#include "core/syscall_resume.hpp"
#include "core/trap_departure.hpp"
#include "core/trap_hits.hpp"

namespace trapline::core {

using Event = os::WaitStatus::Event;
using Run = ThreadState::Run;
using View = ThreadState::View;

Drive::Drive(ThreadState& thread, Others others, Deadline deadline)
    : thread_(thread),
      process_(*thread.process),
      busy_(process_),
      deadline_(deadline),
      claim_(thread),
      outer_(process_.set_driven(&thread)) {
  if (thread.status.event() == Event::exit) {
    process_.set_driven(outer_);
    throw UsageError("thread " + std::to_string(thread.tid) + " is exiting: it executes no instruction any more");
  }
  thread.forget_hits();
  // In a callback the others run anyway.
  if (others == Others::run && process_.at_rest_now()) {
    others_run_ = true;
    process_.run_others();
    if (process_.at_rest_now()) early_ = process_.take_stop();
  }
}

Drive::~Drive() {
  process_.set_driven(outer_);
  if (!others_run_) return;
  try {
    process_.rest_others();
  } catch (const Error&) {
    // The process is gone.
  }
}

Stop Drive::done() const {
  Stop stop = process_.describe(thread_);
  stop.kind = StopKind::stepped;
  return stop;
}

std::optional<Stop> Drive::stop_of(Verdict verdict) {
  if (!thread_.stopped()) return death();
  if (verdict == Verdict::go_on && !process_.take_interrupt_request()) return std::nullopt;
  return process_.describe(thread_);
}

std::optional<Stop> Drive::interrupted() const {
  process_.throw_if_leaving();
  if (!process_.take_interrupt_request()) return std::nullopt;
  return process_.describe(thread_);
}

Stop Drive::death() {
  claim_.release();
  process_.await_death(thread_);
  if (process_.dead()) return process_.stop_of_death();
  throw ProcessGone("thread " + std::to_string(thread_.tid) + " exited");
}

bool Drive::on_syscall_instruction() {
  const auto& info = arch::info(process_.arch());
  std::array<std::byte, 2> at_pc{};
  const Address pc = thread_.registers.glance(info.pc);
  if (process_.memory().read(pc, at_pc) != at_pc.size()) return false;
  return arch::is_syscall_instruction(process_.arch(), at_pc);
}

bool Drive::inside_call() const {
  // A clone's event, and the enter of a call that restarts, are inside too: the exit is still to come
  // (Step.in_a_clone_sees_its_exit).
  const bool may_be = thread_.status.syscall_stop() || thread_.status.event() == Event::clone;
  if (!may_be || thread_.view == View::exit || thread_.calls.empty()) return false;
  return thread_.calls.top().state == OpenCall::State::open;
}

void Drive::wait() {
  const auto ended = [&] { return thread_.run != Run::running || (others_run_ && process_.at_rest_now()); };
  timed_out_ = !process_.tracer().pump_until(ended, deadline_);
  if (thread_.run == Run::running) {
    if (!timed_out_) early_ = process_.take_stop();
    interrupt(thread_);
    process_.tracer().pump_until([&] { return thread_.run != Run::running; });
    put_off();
  }
}

void Drive::put_off() {
  if (!thread_.stopped()) return;
  // The step was quicker, and is nothing to be told later.
  if (!thread_.hit_due && at_end_of_step(thread_)) thread_.status = os::WaitStatus::bare_stop();
  const Event event = thread_.status.event();
  if (event == Event::fork || event == Event::vfork || event == Event::clone) process_.announce_birth(thread_);
  if (thread_.filter_stop == ThreadState::FilterStop::nothing) return;
  if (thread_.hit_due || event != Event::stop) process_.keep(thread_);
}

Drive::Went Drive::go(os::Resume how) {
  leave_signal_stop(thread_);
  if (thread_.status.group_stop() && how != os::Resume::step) {
    os::listen(thread_.tid);
    thread_.listening = true;
  } else {
    switch (leave_trap(thread_, how)) {
      case Departure::resume: break;
      case Departure::executed: return Went::nowhere;
      case Departure::in_place: step_in_place(thread_); return Went::nowhere;
    }
    thread_.registers.flush();
    os::resume(thread_.tid, how, std::exchange(thread_.signal, 0));
    thread_.last_resume = how;
  }
  thread_.registers.expire();
  thread_.run = Run::running;
  process_.tracer().note_resumed(thread_);
  wait();
  const bool settled = std::exchange(thread_.settled, false);
  return settled && !thread_.trapped_at ? Went::nowhere : Went::on;
}

Drive::Outcome Drive::handle_stop(bool stepping) {
  if (early_) return {.stop = early_};
  if (!thread_.stopped()) return {.stop = death()};
  if (process_.leaving()) {
    put_off();
    process_.throw_if_leaving();
  }
  if (thread_.hit_due) {
    const bool executed = hit_ends_step(thread_);
    auto stop = stop_of(on_trap_hit(thread_));
    return {.executed = executed && thread_.stopped(), .stop = std::move(stop)};
  }
  if (thread_.filter_stop == ThreadState::FilterStop::nothing) return {};
  const os::WaitStatus status = thread_.status;
  switch (status.event()) {
    case Event::none: {
      if (status.syscall_stop()) {
        auto stop = stop_of(on_syscall_stop(thread_));
        // Its exit: the instruction is done.
        return {.executed = thread_.view == View::exit, .stop = std::move(stop)};
      }
      if (stepping && at_end_of_step(thread_)) return {.executed = true};
      return {.stop = stop_of(on_signal_stop(thread_))};
    }
    case Event::exit: return {.stop = stop_of(process_.on_exit_stop(thread_))};
    case Event::clone:
    case Event::fork:
    case Event::vfork: process_.announce_birth(thread_); return {.stop = stop_of(process_.on_fork(thread_))};
    case Event::exec: return {.stop = stop_of(run_catchpoints(thread_, Lifecycle::exec, {}))};
    case Event::stop:
    case Event::vfork_done:
    case Event::seccomp: return {};
  }
  return {};
}

std::optional<Stop> Drive::handle_kept() {
  process_.throw_if_leaving();
  const bool signal_due = signal_is_due(thread_);
  if (!std::exchange(thread_.pending, false) && !signal_due) return std::nullopt;
  // Kept while the process was at rest: it comes before the step, and may end it (Step.handles_a_kept_event_first).
  return stop_of(process_.dispatch_stop(thread_));
}

std::optional<Stop> Drive::step() {
  if (early_) return early_;
  if (auto stop = interrupted()) return stop;
  if (auto stop = handle_kept()) return stop;
  const bool in_call = inside_call();
  bool through_syscall = in_call;
  const os::Resume left = leave_syscall_stop(thread_);
  if (!in_call && process_.wants_syscalls() && on_syscall_instruction()) through_syscall = true;
  // A plain step turns syscall stops off, so that a syscall instruction is stepped over by its stops.
  os::Resume how = !through_syscall ? os::Resume::step : in_call ? left : leave_syscall_stop(thread_);
  if (through_syscall && how == os::Resume::cont) {
    how = process_.wants_syscalls() ? os::Resume::syscall : os::Resume::step;
  }
  if (how == os::Resume::step) through_syscall = false;
  for (;;) {
    if (go(how) == Went::nowhere) {
      // What came instead of the step in place is handled like any kept event.
      return handle_kept();
    }
    Outcome outcome = handle_stop(!through_syscall);
    if (outcome.stop) return std::move(outcome.stop);
    if (outcome.executed) {
      if (thread_.view == View::exit) static_cast<void>(leave_syscall_stop(thread_));
      return std::nullopt;
    }
    process_.throw_if_leaving();
    if (through_syscall) {
      how = leave_syscall_stop(thread_);
      if (how == os::Resume::cont && process_.wants_syscalls()) how = os::Resume::syscall;
    }
  }
}

std::optional<Stop> Drive::run_until(support::FunctionRef<bool()> reached) {
  for (;;) {
    if (early_) return early_;
    if (auto stop = interrupted()) return stop;
    if (auto stop = handle_kept()) return stop;
    if (reached()) return std::nullopt;
    if (deadline_ && std::chrono::steady_clock::now() >= *deadline_) {
      timed_out_ = true;
      return std::nullopt;
    }
    const os::Resume how = leave_syscall_stop(thread_);
    const Went went = go(how);
    if (timed_out_ && thread_.stopped()) return std::nullopt;
    if (went == Went::nowhere) continue;
    if (Outcome outcome = handle_stop(false); outcome.stop) return std::move(outcome.stop);
    if (reached()) return std::nullopt;
  }
}

}  // namespace trapline::core
