#include <algorithm>
#include <utility>

#include <trapline/error.hpp>

#include "core/function_call.hpp"
#include "core/hints.hpp"
#include "core/process.hpp"
#include "core/syscall_dispatch.hpp"
#include "support/log.hpp"

// The deaths of a process's threads, and its own.

namespace trapline::core {
namespace {

ExitStatus status_of(os::WaitStatus status) {
  ExitStatus result;
  if (status.kind() == os::WaitStatus::Kind::exited) result.code = status.exit_code();
  if (status.kind() == os::WaitStatus::Kind::killed) result.signal = status.exit_signal();
  return result;
}

/// Of the last thread of a process, at its PTRACE_EVENT_EXIT, whose message is a status as of wait(2).
ExitStatus status_at_exit(ThreadState& thread) {
  try {
    const auto message = static_cast<int>(os::event_message(thread.tid));
    return status_of(os::WaitStatus::of_exit(message));
  } catch (const ProcessGone&) {
    return {};
  }
}

}  // namespace

using Event = os::WaitStatus::Event;
using Run = ThreadState::Run;
using View = ThreadState::View;

void Process::last_look(ThreadState& thread) {
  try {
    // The last moment at which there are registers; they stay readable after the death.
    static_cast<void>(thread.registers.general());
    static_cast<void>(thread.registers.vector());
  } catch (const Error&) {
  }
  thread.registers.freeze();
  abandon_calls(thread);
  thread.view = View::none;
  thread.run = Run::dying;
  thread.dead = true;
  tracer_->note_resumed(thread);
  orphan_newborn(thread);
}

bool Process::is_last(const ThreadState& thread) const {
  return std::ranges::none_of(threads_, [&](const auto& other) { return other.get() != &thread && other->alive(); });
}

bool Process::was_shown(const ThreadState& thread) const {
  // A launch that fails is an error of run(), and no process to anybody (RunErrors.each_refusal_says_why).
  return !spawning_ && (!thread.fresh || thread.tid == pid_);
}

bool Process::shows_exit(const ThreadState& thread) const {
  if (quiet_ || killing_ || !followed_) return false;
  if (catchpoints_.wants(Lifecycle::thread_died) && was_shown(thread)) return true;
  return catchpoints_.wants(Lifecycle::exit) && is_last(thread);
}

Verdict Process::on_exit_stop(ThreadState& thread) {
  Verdict verdict = Verdict::go_on;
  if (shows_exit(thread)) {
    if (was_shown(thread)) verdict = run_catchpoints(thread, Lifecycle::thread_died, {});
    if (thread.stopped() && is_last(thread) && !std::exchange(exit_told_, true)) {
      const Verdict last = run_catchpoints(thread, Lifecycle::exit, {.status = status_at_exit(thread)});
      if (last == Verdict::stop) verdict = last;
    }
  }
  if (!thread.stopped() || verdict == Verdict::stop || stop_wanted()) return verdict;
  on_dying(thread);
  return Verdict::go_on;
}

void Process::on_dying(ThreadState& thread) {
  last_look(thread);
  try {
    os::resume(thread.tid, os::Resume::cont, 0);
  } catch (const Error&) {
    // Killed once more while it was dying.
  }
}

void Process::await_death(ThreadState& thread) {
  // A leader's death is told when all others are dead, also those that a command has left at their exits
  // (Stepping.a_process_that_ends_during_a_command_is_dead).
  for (const auto& other : std::vector(threads_)) {
    if (!other->stopped() || other->status.event() != Event::exit) continue;
    other->pending = false;
    on_dying(*other);
  }
  tracer_->pump_until([&] { return thread.run == Run::dead || gone(); });
}

void Process::forget(ThreadState& thread) {
  const std::lock_guard lock(mutex_);
  std::erase_if(threads_, [&](const auto& entry) { return entry.get() == &thread; });
}

void Process::on_death(ThreadState& thread, os::WaitStatus status) {
  thread.registers.freeze();
  thread.run = Run::dead;
  thread.dead = true;
  thread.view = View::none;
  abandon_calls(thread);
  thread.function_calls.clear();
  tracer_->remove(thread.tid);
  orphan_newborn(thread);
  const auto watchers = watchers_;
  try {
    const Tracer::CallbackScope scope(*tracer_);
    Thread handle(thread.shared_from_this());
    for (const Watcher& watcher : *watchers) {
      if (was_shown(thread) && watcher.observer->on_thread_died) watcher.observer->on_thread_died(handle, status.raw());
    }
  } catch (...) {
    fail(std::current_exception());
  }
  forget(thread);
  if (thread.tid == pid_) finish(status, thread);
}

void Process::finish(os::WaitStatus status, ThreadState& last) {
  kept_.clear();
  late_.clear();
  due_steps_.clear();
  deferred_stops_.clear();
  deadline_ = {};
  tell_hints(*this);
  end_loans();
  give_back_memory();
  const ExitStatus ended = status_of(status);
  // Killed where it stood, it had no exit at which this could be told.
  if (!quiet_ && !std::exchange(exit_told_, true)) {
    try {
      static_cast<void>(run_catchpoints(last, Lifecycle::exit, {.status = ended}));
    } catch (...) {
      fail(std::current_exception());
    }
  }
  Stop stop{.kind = StopKind::exited, .thread = Thread(last.shared_from_this())};
  stop.exit_code = ended.code;
  stop.exit_signal = ended.signal;
  stop.timed_out = timed_out_;
  {
    const std::lock_guard lock(mutex_);
    death_ = status;
    stop_ = std::move(stop);
    stop_taken_ = false;
  }
  support::log(LogCategory::process, [&] { return "process " + std::to_string(pid_) + " is dead"; });
  rest_->set(RestSignal::State::dead);
  if (followed_) tracer_->note_stop(shared_from_this());
  const auto alive = shared_from_this();
  tracer_->remove(*this);
  tracer_->adopt_orphans(alive);
  tracer_->leave_cpu_if_alone();
}

Stop Process::stop_of_death() const {
  const std::lock_guard lock(mutex_);
  return *stop_;
}

}  // namespace trapline::core
