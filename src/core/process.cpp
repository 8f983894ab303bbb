#include "core/process.hpp"

#include <algorithm>
#include <csignal>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/settle.hpp"
#include "core/signal_dispatch.hpp"
#include "core/step_in_place.hpp"
#include "core/syscall_dispatch.hpp"
#include "core/syscall_resume.hpp"
#include "core/trap_departure.hpp"
#include "core/trap_hits.hpp"
#include "os/error.hpp"
#include "os/proc.hpp"
#include "support/log.hpp"

namespace trapline::core {

using Run = ThreadState::Run;
using View = ThreadState::View;
using Event = os::WaitStatus::Event;

namespace {

/// Not when it was killed, also when it is already at its PTRACE_EVENT_EXIT, which is the next stop
/// (Threads.the_process_may_exit_while_some_are_blocked, several at once).
bool still_at_its_stop(const ThreadState& thread) {
  if (!os::still_stopped(thread.tid)) return false;
  const auto seen = os::look_one(thread.tid, os::Sleep::no);
  return !seen || seen->status == (thread.untaken ? thread.untaken_status : thread.status);
}

bool at_birth(os::WaitStatus status) {
  return status.event() == Event::fork || status.event() == Event::vfork || status.event() == Event::clone;
}

}  // namespace

void tell_change(Trap& trap, Process& home) {
  const auto alive = home.shared_from_this();
  for (const auto& process : std::vector(home.tracer().processes())) {
    if (process.get() != &home) trap.changed(*process);
  }
  trap.changed(home);
}

Process::Process(std::shared_ptr<Tracer> owner, const ProcessOptions& options)
    : tracer_(std::move(owner)), rest_(std::make_shared<RestSignal>()), options_(options) {
  rest_->set(RestSignal::State::dead);
}

bool Process::anyone_running() const {
  return std::ranges::any_of(
      threads_, [](const auto& thread) { return thread->run == Run::running || thread->run == Run::dying; });
}

ThreadState& Process::add_thread(pid_t tid, const NewThread& facts) {
  auto thread = std::make_shared<ThreadState>(shared_from_this(), tid);
  thread->claimed = facts.claimed;
  thread->filtered = facts.filtered;
  if (facts.announcer != nullptr) {
    ++thread->holds;
    thread->announcer = facts.announcer->weak_from_this();
    facts.announcer->newborn = thread;
  }
  {
    const std::lock_guard lock(mutex_);
    threads_.push_back(thread);
    if (tid == pid_) main_ = thread;
  }
  ThreadState& added = *thread;
  tracer_->add(std::move(thread));
  return added;
}

void Process::on_event(ThreadState& thread, os::WaitStatus status) {
  const auto alive = thread.shared_from_this();
  const auto announcer = thread.announcer.lock();
  take_event(thread, status);
  if (announcer) announcer->process->newborn_has_stopped(*announcer);
}

std::optional<std::uint64_t> Process::quiet_epoch() const {
  const std::uint64_t epoch = epoch_.load(std::memory_order_acquire);
  const bool still = tracer_->on_tracer_thread() ? !anyone_running() : at_rest_now() && busy_ == 0;
  if (!still || sharing_) return std::nullopt;
  return epoch;
}

void Process::take_event(ThreadState& thread, os::WaitStatus status) {
  // Who looked while it ran has seen what may have changed since.
  note_run();
  if (status.dead()) {
    on_death(thread, status);
    return;
  }
  thread.run = Run::stopped;
  thread.status = status;
  thread.listening = false;
  thread.signal = 0;
  if (!settle_stop(thread)) return;
  const Event event = thread.status.event();
  if (event == Event::exec) {
    give_back_memory();
    if (ThreadState& survivor = replace_image(thread); &survivor != &thread) {
      const auto kept_alive = survivor.shared_from_this();
      if (!survivor.claimed) admit(survivor);
      return;
    }
  }
  if (thread.claimed) return;
  if (!followed_ && !lender_ && thread.holds == 0) {
    let_guest_go(thread);
    return;
  }
  if (event == Event::fork || event == Event::vfork || event == Event::clone) {
    announce_birth(thread);
    if (awaits_newborn(thread)) {
      thread.pending = true;
      return;
    }
  }
  // Also while others are brought to rest: a leader that is dead already tells nothing until the last one has died
  // (HardPlaces.killed_from_outside_while_threads_hit).
  if (event == Event::exit && !shows_exit(thread)) {
    on_dying(thread);
    return;
  }
  admit(thread);
}

void Process::admit(ThreadState& thread) {
  if (in_place_ != 0 && thread.holds == 0) {
    // It was not there, or not running, when the others came to rest, and must not run either while a trap is out
    // (HardPlaces.children_that_share_the_memory_while_others_run).
    thread.pending = true;
    late_.push_back(thread.shared_from_this());
    tracer_->note_due(*this);
    return;
  }
  if (frozen() || at_rest_now() || thread.holds > 0) {
    if (thread.fresh || thread.hit_due || thread.status.event() != Event::stop) keep(thread);
    try {
      note_interrupted_call(thread);
    } catch (const ProcessGone&) {
      // Killed at this stop, which must not end the wait of whoever brings all to rest
      // (HardPlaces.killed_from_outside_while_threads_hit).
      killed_at_stop(thread);
    }
    return;
  }
  // Also while a dispatch waits for something of its own: at most one Stop is decided at a time.
  if ((tracer_->in_callback() || dispatching_ > 0) && would_stop(thread)) {
    keep(thread);
    return;
  }
  dispatch(thread);
  if (dispatching_ == 0 && running()) dispatch_kept();
}

void Process::keep(ThreadState& thread) {
  thread.pending = true;
  kept_.push_back(thread.shared_from_this());
  tracer_->note_due(*this);
}

bool Process::dispatch_kept() {
  while (running() && !leaving()) {
    // What is held keeps its place.
    const auto next = std::ranges::find(kept_, 0U, [](const auto& thread) { return thread->holds; });
    if (next == kept_.end()) break;
    const auto thread = *next;
    kept_.erase(next);
    if (!std::exchange(thread->pending, false) || !thread->stopped()) continue;
    dispatch(*thread);
  }
  return !running();
}

void Process::killed_at_stop(ThreadState& thread) {
  // It has left the stop by itself; what follows is its death.
  thread.pending = false;
  thread.run = Run::running;
  tracer_->note_resumed(thread);
}

bool Process::settle_stop(ThreadState& thread) {
  try {
    if (goes_on_to_trap(thread)) return false;
    settle_unwatched_call(thread);
    settle_filter_stop(thread);
    if (!thread.status.syscall_stop()) thread.interrupted = false;
    thread.settled = thread.filter_stop == ThreadState::FilterStop::nothing && !thread.claimed;
    if (breakpoints_.in_use() || address_space().breakpoints_.in_use()) settle(thread);
  } catch (const ProcessGone&) {
    killed_at_stop(thread);
    return thread.claimed;
  }
  if (thread.claimed || !std::exchange(thread.settled, false)) return true;
  if (in_place_ != 0 && thread.holds == 0) return true;
  if (!frozen() && !at_rest_now()) resume(thread);
  return false;
}

bool Process::would_stop(ThreadState& thread) const {
  if (thread.hit_due) return hit_would_stop(thread);
  if (thread.status.signal_stop()) return signal_would_stop(thread);
  if (thread.status.syscall_stop()) return syscall_would_stop(thread);
  switch (thread.status.event()) {
    case Event::fork:
    case Event::vfork: return catchpoints_.may_stop(thread, Lifecycle::fork);
    case Event::clone: return thread.newborn && catchpoints_.may_stop(thread, Lifecycle::fork);
    case Event::exec: return catchpoints_.may_stop(thread, Lifecycle::exec);
    case Event::exit:
      return catchpoints_.may_stop(thread, Lifecycle::thread_died) || catchpoints_.may_stop(thread, Lifecycle::exit);
    case Event::stop: return thread.fresh && catchpoints_.may_stop(thread, Lifecycle::thread_born);
    case Event::none:
    case Event::vfork_done:
    case Event::seccomp: return false;
  }
  return false;
}

void Process::dispatch(ThreadState& thread) {
  ++dispatching_;
  Verdict verdict = Verdict::go_on;
  try {
    verdict = dispatch_stop(thread);
  } catch (const ProcessGone&) {
    // Mostly this thread was killed under our hands, and its death is reported like any other; a callback may also have
    // used a handle of another process that is gone.
    if (thread.stopped() && !leaving() && still_at_its_stop(thread)) fail(std::current_exception());
  } catch (...) {
    fail(std::current_exception());
  }
  --dispatching_;
  if (thread.run != Run::stopped || seen_dead() || pid_ == 0 || leaving()) return;
  if (interrupt_requested_ || error_) verdict = Verdict::stop;
  if (verdict == Verdict::stop) {
    interrupt_requested_ = false;
    stop_here(thread);
    return;
  }
  if (!deferred_stops_.empty() && dispatching_ == 0 && running()) {
    gather();
    Stop stop = std::move(deferred_stops_.front());
    deferred_stops_.pop_front();
    publish(std::move(stop));
    return;
  }
  if (filter_.can_extend() && dispatching_ == 0 && !tracer_->in_callback() && running() && !frozen() &&
      thread.status.syscall_stop()) {
    extend_filter_by({thread.shared_from_this()});
  }
  if (running() && !frozen() && !thread.pending) resume(thread);
}

void Process::extend_filter_by(const std::vector<std::shared_ptr<ThreadState>>& threads) {
  for (const auto& thread : std::vector(threads)) {
    if (!thread->stopped() || thread->pending || !filter_.can_extend()) continue;
    try {
      extend_filter(*thread);
    } catch (const Error&) {
      // It can run no syscall where it is, or died.
      if (filter_.can_extend()) check_extension(*this);
    }
  }
}

Stop Process::describe(ThreadState& thread) const {
  Stop stop{.kind = StopKind::interrupted, .thread = Thread(thread.shared_from_this())};
  if (!thread.hits.empty()) {
    stop.kind = StopKind::breakpoint;
    stop.address = thread.registers.glance(arch::info(arch_).pc);
    for (const auto& trap : thread.hits) {
      stop.breakpoints.emplace_back(trap);
      if (trap->access == Access::execute || stop.kind == StopKind::watchpoint) continue;
      stop.kind = StopKind::watchpoint;
      stop.address = trap->hit_at;
    }
  }
  if (thread.caught_as) {
    stop.kind = *thread.caught_as;
    for (const auto& trap : thread.caught) stop.catchpoints.emplace_back(trap);
    if (thread.caught_facts.child) stop.child = Thread(thread.caught_facts.child);
    stop.libraries = thread.caught_libraries;
    stop.exit_code = thread.caught_facts.status.code;
    stop.exit_signal = thread.caught_facts.status.signal;
  }
  describe_signal(thread, stop);
  if (thread.view == View::none) return stop;
  const OpenCall& call = thread.calls.top();
  for (const auto& trap : call.ran) {
    if (thread.view == View::enter || trap->live() || trap->spent) stop.handlers.emplace_back(trap);
  }
  // Nobody waits for this call: what stops the process here is something else, such as interrupt().
  if (stop.handlers.empty() && !call.observed) return stop;
  stop.kind = thread.view == View::enter ? StopKind::syscall_enter : StopKind::syscall_exit;
  stop.syscall = syscall_name(call.abi, call.original_number);
  if (stop.syscall.empty()) stop.syscall = std::to_string(call.original_number);
  return stop;
}

void Process::stop_here(ThreadState& thread) {
  Stop stop = describe(thread);
  if (dispatching_ > 0) {
    deferred_stops_.push_back(std::move(stop));
    return;
  }
  gather();
  publish(std::move(stop));
}

Verdict Process::dispatch_stop(ThreadState& thread) {
  const os::WaitStatus status = thread.status;
  if (thread.newborn && !at_birth(status) && on_fork(thread) == Verdict::stop) {
    // An invocation has moved it on from that event, and what it came to is still due
    // (InvokeWhere.at_the_birth_of_children).
    keep(thread);
    return Verdict::stop;
  }
  if (thread.hit_due) return on_trap_hit(thread);
  if (thread.filter_stop == ThreadState::FilterStop::nothing) return Verdict::go_on;
  if (status.syscall_stop()) return on_syscall_stop(thread);
  switch (status.event()) {
    case Event::none: return on_signal_stop(thread);
    case Event::exec: return run_catchpoints(thread, Lifecycle::exec, {});
    case Event::exit: return on_exit_stop(thread);
    case Event::stop:
      note_interrupted_call(thread);
      return std::exchange(thread.fresh, false) ? on_first_stop(thread) : Verdict::go_on;
    case Event::fork:
    case Event::vfork:
    case Event::clone: return on_fork(thread);
    case Event::vfork_done:
    case Event::seccomp: return Verdict::go_on;
  }
  return Verdict::go_on;
}

void Process::report_theft(const ThreadState& thread) {
  support::log(LogCategory::event,
               [&] { return "an event of thread " + std::to_string(thread.tid) + " was taken by the host"; });
  if (std::exchange(theft_reported_, true)) return;
  fail(std::make_exception_ptr(UsageError(
      "another thread of this program waits for any child (wait, waitpid(-1), waitid(P_ALL)) and took an event of "
      "process " +
      std::to_string(pid_) + ": let it wait for its children by their ids")));
}

void Process::resume(ThreadState& thread) {
  if (!thread.stopped() || thread.holds > 0 || thread.claimed || leaving()) return;
  thread.forget_hits();
  if (thread.status.event() == Event::exit) {
    on_dying(thread);
    return;
  }
  try {
    leave_signal_stop(thread);
    if (thread.status.group_stop()) {
      os::listen(thread.tid);
      thread.listening = true;
    } else {
      os::Resume how = leave_syscall_stop(thread);
      if (leave_trap(thread, how) == Departure::in_place) {
        if (!std::exchange(thread.step_due, true)) due_steps_.push_back(thread.shared_from_this());
        tracer_->note_due(*this);
        return;
      }
      thread.registers.flush();
      os::resume(thread.tid, how, std::exchange(thread.signal, 0));
      thread.last_resume = how;
    }
  } catch (const ProcessGone&) {
    // It was killed while it was stopped; what follows is its death.
  }
  thread.registers.expire();
  thread.run = Run::running;
  tracer_->note_resumed(thread);
}

bool Process::run_due() {
  if (leave_when_idle() || admit_late()) return true;
  if (kept_.empty() && due_steps_.empty()) return false;
  if (!running() || frozen()) return false;
  if (dispatching_ == 0 && !tracer_->in_callback()) {
    const std::size_t before = kept_.size();
    if (dispatch_kept() || kept_.size() != before) return true;
  }
  return run_due_step();
}

bool Process::admit_late() {
  if (late_.empty() || in_place_ != 0) return false;
  const auto thread = std::move(late_.front());
  late_.pop_front();
  if (std::exchange(thread->pending, false) && thread->stopped()) admit(*thread);
  return true;
}

bool Process::run_due_step() {
  Process& space = address_space();
  if (!running() || frozen() || space.in_place_ != 0) return false;
  std::shared_ptr<ThreadState> thread;
  while (!thread && !due_steps_.empty()) {
    const auto due = std::move(due_steps_.front());
    due_steps_.pop_front();
    due->step_due = false;
    if (due->stopped() && due->holds == 0 && !due->pending && !due->claimed && due->trapped_at) thread = due;
  }
  if (!thread) return false;
  {
    const Busy busy(*this);
    const Busy space_busy(space);
    step_in_place(*thread);
  }
  if (thread->stopped() && take_interrupt_request()) {
    stop_here(*thread);
    return true;
  }
  if (!thread->pending && running()) resume(*thread);
  if (dispatching_ == 0) dispatch_kept();
  return true;
}

void Process::resume_all() {
  const auto threads = threads_;
  for (const auto& thread : threads) {
    if (!thread->pending) resume(*thread);
  }
}

}  // namespace trapline::core
