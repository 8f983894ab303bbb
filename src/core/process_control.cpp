#include <signal.h>

#include <algorithm>
#include <iterator>

#include <trapline/error.hpp>

#include "core/process.hpp"
#include "core/signal_dispatch.hpp"
#include "core/syscall_resume.hpp"
#include "os/error.hpp"

namespace trapline::core {

using Run = ThreadState::Run;

bool Process::dead() const {
  const std::lock_guard lock(mutex_);
  return death_.has_value();
}

std::optional<int> Process::exit_code() const {
  const std::lock_guard lock(mutex_);
  if (!death_ || death_->kind() != os::WaitStatus::Kind::exited) return std::nullopt;
  return death_->exit_code();
}

std::optional<int> Process::exit_signal() const {
  const std::lock_guard lock(mutex_);
  if (!death_ || death_->kind() != os::WaitStatus::Kind::killed) return std::nullopt;
  return death_->exit_signal();
}

std::vector<std::shared_ptr<ThreadState>> Process::threads() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<ThreadState>> living;
  std::ranges::copy_if(threads_, std::back_inserter(living), [](const auto& thread) { return !thread->dead; });
  return living;
}

std::shared_ptr<ThreadState> Process::main_thread() const {
  const std::lock_guard lock(mutex_);
  if (!main_) throw UsageError("there is no process yet: call run() or attach() first");
  return main_;
}

void Process::throw_gone() const {
  if (pid_ == 0) throw UsageError("there is no process yet: call run() or attach() first");
  if (!dead()) throw ProcessGone("process " + std::to_string(pid_) + " was detached");
  throw ProcessGone("process " + std::to_string(pid_) + " is dead");
}

void Process::rethrow_error() {
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void Process::reject_inside_callback(const char* verb) const {
  if (!tracer_->on_tracer_thread() || !tracer_->in_callback()) return;
  throw UsageError(std::string(verb) + "() inside a callback: the callback's return lets the process go on; " +
                   "call interrupt() to stop it there");
}

void Process::rest_from_tracer() {
  if (options_.auto_interrupt) interrupt();
  tracer_->pump_until([&] { return !running(); });
}

bool Process::wait_while_running(Timeout timeout) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point deadline = timeout ? Clock::now() + *timeout : Clock::time_point::max();
  Tracer::TheftWatch watch(*tracer_);
  while (running()) {
    if (Clock::now() >= deadline) return false;
    const auto until = std::min(deadline, watch.next_look());
    static_cast<void>(rest_->wait_change(RestSignal::State::running, until - Clock::now()));
    watch.look();
  }
  return true;
}

void Process::rest_from_elsewhere() {
  if (options_.auto_interrupt && running()) interrupt();
  wait_while_running({});
  for (unsigned busy = busy_; busy != 0; busy = busy_) busy_.wait(busy);
}

void Process::at_rest(support::FunctionRef<void()> function) {
  const auto run_now = [&] {
    rethrow_error();
    if (gone() || leaving()) throw_gone();
    function();
  };
  if (tracer_->on_tracer_thread()) {
    if (!tracer_->in_callback() && running()) rest_from_tracer();
    run_now();
    return;
  }
  for (bool done = false; !done;) {
    rest_from_elsewhere();
    tracer_->call([&] {
      if (running() || busy_ != 0) return;
      done = true;
      run_now();
    });
  }
}

void Process::at_rest(ThreadState& thread, support::FunctionRef<void()> function) {
  do_at_rest(thread, Dead::throws, function);
}

void Process::at_rest_or_dead(ThreadState& thread, support::FunctionRef<void()> function) {
  do_at_rest(thread, Dead::allowed, function);
}

void Process::do_at_rest(ThreadState& thread, Dead dead, support::FunctionRef<void()> function) {
  if (tracer_->on_tracer_thread()) {
    do_at_rest_on_tracer(thread, dead, function);
    return;
  }
  for (bool done = false; !done;) {
    if (tracer_->stopped() && dead == Dead::allowed) {
      function();
      return;
    }
    if (!thread.dead) rest_from_elsewhere();
    tracer_->call([&] {
      if ((running() && !thread.dead) || busy_ != 0) return;
      done = true;
      do_at_rest_on_tracer(thread, dead, function);
    });
  }
}

void Process::do_at_rest_on_tracer(ThreadState& thread, Dead dead, support::FunctionRef<void()> function) {
  if (leaving() && dead == Dead::throws) throw_gone();
  if (!tracer_->in_callback()) {
    rethrow_error();
    if (thread.run == Run::running && running()) rest_from_tracer();
    rethrow_error();
  } else if (thread.run == Run::running) {
    bring_to_rest(thread);
    if (thread.stopped()) tracer_->hold_until_callback_ends(thread.shared_from_this());
  }
  if (!thread.stopped() && (dead == Dead::throws || thread.run == Run::running)) throw_not_stopped(thread);
  try {
    function();
  } catch (const ProcessGone&) {
    // Killed while it was at rest, which nobody looks for: see to its death, so that dead() tells it from here on.
    tracer_->drain();
    throw;
  }
}

void Process::cont() {
  reject_inside_callback("cont");
  at_rest([&] { cont_here(); });
}

void Process::cont_here() {
  {
    const std::lock_guard lock(mutex_);
    stop_.reset();
  }
  if (!deferred_stops_.empty()) {
    Stop stop = std::move(deferred_stops_.front());
    deferred_stops_.pop_front();
    publish(std::move(stop));
    return;
  }
  if (filter_.can_extend()) extend_filter_by(threads_);
  rest_->set(RestSignal::State::running);
  tracer_->settle_child_signals();
  for (const auto& thread : threads_) {
    if (signal_is_due(*thread)) keep(*thread);
    // Its callbacks are still to run, before anything else does.
    if (thread->stopped() && thread->emulated && thread->view == ThreadState::View::enter &&
        thread->calls.top().skipped) {
      thread->exit_due = true;
      keep(*thread);
    }
  }
  if (!dispatch_kept()) resume_all();
}

Stop Process::wait(Timeout timeout) {
  reject_inside_callback("wait");
  const Deadline deadline = timeout ? Deadline(std::chrono::steady_clock::now() + *timeout) : Deadline();
  if (tracer_->on_tracer_thread()) {
    tracer_->pump_until([&] { return !running(); }, deadline);
  } else if (running()) {
    wait_while_running(timeout);
  }
  std::optional<Stop> stop;
  const auto take = [&] {
    if (running()) tracer_->recover_stolen();
    if (running()) {
      throw TimedOut("no stop of process " + std::to_string(pid_) + " in the time given; it goes on");
    }
    rethrow_error();
    if (at_rest_now() && stop_taken_) {
      tracer_->drain();
      if (at_rest_now() && left_its_stop()) tracer_->pump_until([&] { return gone(); });
    }
    const std::lock_guard lock(mutex_);
    if (!stop_ || (stop_taken_ && !death_)) return;
    stop_taken_ = true;
    stop = *stop_;
  };
  if (tracer_->stopped()) {
    const std::lock_guard lock(mutex_);
    stop = stop_;
  } else {
    tracer_->call(take);
  }
  if (stop) return *stop;
  if (gone()) throw_gone();
  throw UsageError("the process is at rest and its Stop was taken already: call cont() first");
}

bool Process::left_its_stop() {
  for (const auto& thread : threads_) {
    if (thread->stopped() && !os::still_stopped(thread->tid)) killed_at_stop(*thread);
  }
  // A single thread may be dying, and a leader that exited first stays so (Threads.the_leader_may_exit_first).
  const auto stays = [](const auto& thread) { return thread->stopped(); };
  const auto dying = [](const auto& thread) { return thread->run == Run::dying; };
  return std::ranges::none_of(threads_, stays) && (may_execute() || std::ranges::any_of(threads_, dying));
}

void Process::interrupt() {
  tracer_->call([&] {
    if (gone() || leaving()) throw_gone();
    if (tracer_->in_callback() || dispatching_ > 0 || in_place_ != 0) {
      request_interrupt();
      return;
    }
    if (driven_ != nullptr && at_rest_now()) {
      request_interrupt();
      if (driven_->run == Run::running) core::interrupt(*driven_);
      return;
    }
    interrupt_here();
  });
}

void Process::interrupt_here() {
  if (!running() || quiet_) return;
  gather();
  if (dead() || at_rest_now()) return;
  auto shown = std::ranges::find_if(threads_, [](const auto& thread) { return thread->stopped(); });
  // None is stopped when all wait in vfork, or die.
  if (shown == threads_.end())
    shown = std::ranges::find_if(threads_, [](const auto& thread) { return thread->alive(); });
  if (shown == threads_.end()) return;
  publish(Stop{.kind = StopKind::interrupted, .thread = Thread(*shown)});
}

void Process::kill() {
  if (tracer_->stopped()) return;
  tracer_->call([&] { kill_here(); });
}

void Process::kill_here() {
  if (pid_ == 0 || gone()) return;
  killing_ = true;
  kept_.clear();
  for (const auto& thread : std::vector(threads_)) {
    thread->claimed = false;
    thread->pending = false;
    thread->holds = 0;
    if (thread->stopped()) expect_kill(*thread);
  }
  ::kill(pid_, SIGKILL);
  for (const auto& thread : std::vector(threads_)) {
    // SIGKILL ends every stop but PTRACE_EVENT_EXIT, whose thread is let go like one that arrives there.
    if (thread->stopped()) on_dying(*thread);
  }
  tracer_->pump_until([&] { return gone(); });
  killing_ = false;
}

void Process::expect_kill(ThreadState& thread) {
  if (thread.status.event() == os::WaitStatus::Event::exit) return;
  try {
    // Its last registers are those of this stop, so that nobody needs another one at its exit.
    os::set_options(thread.tid, {.kill_with_tracer = kill_on_exit(), .report_exit = false});
    last_look(thread);
  } catch (const ProcessGone&) {
    // Somebody else was faster; its exit is on its way.
    tracer_->note_resumed(thread);
    thread.run = Run::running;
  }
}

void Process::look_for_death() {
  if (!at_rest_now() || tracer_->on_tracer_thread() || tracer_->stopped()) return;
  tracer_->call([&] {
    if (at_rest_now()) tracer_->drain();
  });
}

void Process::place_at_rest(support::FunctionRef<void()> add) {
  if (gone()) {
    tracer_->call(add);
  } else {
    at_rest(add);
  }
}

void Process::own(Trap& trap) {
  if (trap.thread && trap.thread->state()->process.get() != this) {
    throw UsageError("thread " + std::to_string(trap.thread->tid()) + " is of another process than the trap");
  }
  trap.process = weak_from_this();
}

void Process::place(const std::shared_ptr<SyscallTrap>& trap) {
  own(*trap);
  place_at_rest([&] {
    handlers_.add(trap);
    tracing_changed();
  });
}

void Process::place(const std::shared_ptr<BreakpointTrap>& trap) {
  own(*trap);
  place_at_rest([&] { breakpoints_.add(trap); });
}

void Process::place(const std::shared_ptr<LifecycleTrap>& trap) {
  own(*trap);
  place_at_rest([&] {
    catchpoints_.add(trap);
    if (trap->wants(Lifecycle::library)) breakpoints_.libraries_wanted();
  });
}

void Process::place(const std::shared_ptr<SignalTrap>& trap) {
  own(*trap);
  place_at_rest([&] { catchers_.add(trap); });
}

}  // namespace trapline::core
