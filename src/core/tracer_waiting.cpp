#include <sched.h>

#include <algorithm>
#include <chrono>

#include "core/process.hpp"
#include "core/thread_state.hpp"
#include "core/tracer.hpp"
#include "support/futex.hpp"

// How the tracer thread comes by its next event: which thread is looked for, and when it sleeps.

namespace trapline::core {

bool Tracer::anyone_running() const {
  const ThreadState* const last = find(last_resumed_);
  if (last != nullptr && last->run == ThreadState::Run::running) return true;
  return std::ranges::any_of(processes_, [](const auto& process) { return process->anyone_running(); });
}

void Tracer::pump_one(const Deadline& deadline) {
  if (run_jobs()) return;
  // After each the caller looks whether that was what he waits for (BreakpointHard.a_parent_in_vfork_is_at_rest).
  if (take_untaken() || reap_dying()) return;
  if (run_due()) return;
  if (!anyone_running() && to_release_.empty()) {
    sleep_for_jobs(deadline);
    return;
  }
  auto event = event_by_turn();
  if (!event) event = quick_event();
  if (!event) event = sleep_for_event(deadline);
  if (!event) return;
  turns_.count_event();
  handle(*event);
}

bool Tracer::run_due() {
  for (std::size_t i = 0; i < due_.size();) {
    const auto process = due_[i];
    if (process->run_due()) return true;
    if (process->has_due()) {
      ++i;
    } else {
      std::erase(due_, process);
    }
  }
  return false;
}

std::optional<os::Waited> Tracer::event_by_turn() {
  if (turns_.due(threads_.size())) {
    for (const auto& [tid, thread] : threads_) {
      if (thread->run == ThreadState::Run::running) turns_.add(tid);
    }
    quick_look_.set_crowded(false);
  }
  while (const auto tid = turns_.next()) {
    const ThreadState* const thread = find(*tid);
    if (thread == nullptr || thread->run != ThreadState::Run::running) continue;
    const auto event = os::look_one(*tid, os::Sleep::no);
    if (!event) continue;
    if (*tid != last_resumed_) quick_look_.set_crowded(true);
    return event;
  }
  return std::nullopt;
}

std::optional<os::Waited> Tracer::quick_event() {
  const ThreadState* const last = find(last_resumed_);
  if (last == nullptr || last->run != ThreadState::Run::running || !quick_look_.worth_it()) return std::nullopt;
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  ::sched_yield();
  const auto event = os::look_one(last_resumed_, os::Sleep::no);
  quick_look_.note(event.has_value(), Clock::now() - start);
  return event;
}

void Tracer::drain() {
  for (;;) {
    take_untaken();
    reap_dying();
    const auto event = next_event(os::Sleep::no);
    if (!event) return;
    handle(*event);
  }
}

void Tracer::sleep_for_jobs(const Deadline& deadline) {
  const std::uint32_t seen = wakeups_.load();
  sleeping_.store(Sleeping::for_jobs, std::memory_order_seq_cst);
  if (jobs_.load(std::memory_order_seq_cst) == nullptr && !stopping_) support::futex_wait(wakeups_, seen, deadline);
  sleeping_.store(Sleeping::no, std::memory_order_relaxed);
}

std::optional<os::Waited> Tracer::sleep_for_event(const Deadline& deadline) {
  if (!bell_) {
    auto bell = std::make_unique<os::Doorbell>();
    const std::lock_guard lock(bell_mutex_);
    bell_ = std::move(bell);
  }
  Timer::Armed alarm;
  if (deadline) alarm = timer_.arm(*deadline, [this] { wake(); });
  sleeping_.store(Sleeping::for_events, std::memory_order_seq_cst);
  std::optional<os::Waited> event;
  if (jobs_.load(std::memory_order_seq_cst) == nullptr && !stopping_) event = next_event(os::Sleep::until_event);
  sleeping_.store(Sleeping::no, std::memory_order_relaxed);
  return event;
}

std::optional<os::Waited> Tracer::next_event(os::Sleep sleep) {
  // A dead child of the host's stays in view until the host reaps it: it must not hide our own events, so that only
  // stops are waited for then. Our own deaths follow their PTRACE_EVENT_EXIT
  // (Host.a_zombie_child_of_the_tracer_thread_costs_no_time).
  return os::look_any(sleep, !foreign_zombie_);
}

bool Tracer::reap_dying() {
  if (!foreign_zombie_) return false;
  bool reaped = false;
  std::vector<std::shared_ptr<ThreadState>> dying;
  for (const auto& [tid, thread] : threads_) {
    if (thread->run == ThreadState::Run::dying) dying.push_back(thread);
  }
  for (const auto& thread : dying) {
    const bool leader_of_others = thread->tid == thread->process->pid() && thread->process->thread_list().size() > 1;
    const auto seen = os::look_one(thread->tid, leader_of_others ? os::Sleep::no : os::Sleep::until_event);
    if (!seen) continue;
    reaped = true;
    handle(*seen);
  }
  return reaped;
}

}  // namespace trapline::core
