#include "core/tracer.hpp"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>

#include <trapline/error.hpp>

#include "core/process.hpp"
#include "core/thread_state.hpp"
#include "os/error.hpp"
#include "os/proc.hpp"
#include "os/ptrace.hpp"
#include "os/signals.hpp"
#include "os/stolen.hpp"
#include "support/futex.hpp"
#include "support/log.hpp"
#include "support/thread.hpp"

namespace trapline::core {

using namespace std::chrono_literals;

namespace {

/// The thread that runs, when it is the only one; `threads` are those of the tracer.
pid_t only_runner(const auto& threads) {
  pid_t runner = 0;
  for (const auto& [tid, thread] : threads) {
    const bool at_rest = thread->run != ThreadState::Run::running && thread->run != ThreadState::Run::dying;
    if (at_rest) continue;
    if (runner != 0) return 0;
    runner = tid;
  }
  return runner;
}

}  // namespace

Tracer::Tracer()
    : host_blocks_child_signals_(os::blocked_here(SIGCHLD)), thread_(support::start_thread([this] { loop(); })) {}

Tracer::~Tracer() { stop(); }

void Tracer::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  wake();
  thread_.join();
}

void Tracer::call(support::FunctionRef<void()> function) {
  if (on_tracer_thread()) {
    function();
    return;
  }
  Job job{function};
  Job* head = jobs_.load(std::memory_order_relaxed);
  do {
    if (head == &closed_) throw ProcessGone("the debugger of this process was destroyed");
    job.next = head;
  } while (!jobs_.compare_exchange_weak(head, &job, std::memory_order_seq_cst));
  wake();
  TheftWatch watch(*this);
  while (job.done.load(std::memory_order_acquire) == 0) {
    support::futex_wait(job.done, 0, watch.next_look());
    watch.look();
  }
  if (job.error) std::rethrow_exception(job.error);
}

void Tracer::wake() {
  // Pairs with the tracer announcing its sleep before it looks at the jobs a last time: one of the two sees the other.
  switch (sleeping_.load(std::memory_order_seq_cst)) {
    case Sleeping::no: break;
    case Sleeping::for_jobs:
      wakeups_.fetch_add(1);
      support::futex_wake(wakeups_, 1);
      break;
    case Sleeping::for_events: {
      const std::lock_guard lock(bell_mutex_);
      if (bell_) bell_->ring();
      break;
    }
  }
}

Tracer::TheftWatch::TheftWatch(Tracer& tracer)
    : tracer_(tracer), pause_(tracer.thefts_seen_ ? 2ms : 250ms), next_(std::chrono::steady_clock::now() + pause_) {}

void Tracer::TheftWatch::look() {
  if (std::chrono::steady_clock::now() < next_) return;
  pause_ = std::min<std::chrono::nanoseconds>(pause_ * 2, 30s);
  next_ = std::chrono::steady_clock::now() + pause_;
  if (tracer_.sleeping_.load() != Sleeping::for_events) return;
  tracer_.theft_suspected_ = true;
  tracer_.wake();
}

void Tracer::recover_stolen() {
  std::vector<std::shared_ptr<ThreadState>> suspects;
  for (const auto& [tid, thread] : threads_) {
    if (thread->run == ThreadState::Run::dying || (thread->run == ThreadState::Run::running && !thread->listening)) {
      suspects.push_back(thread);
    }
  }
  for (const auto& thread : suspects) {
    if (thread->run != ThreadState::Run::dying && thread->run != ThreadState::Run::running) continue;
    const auto status = os::stolen_status(thread->tid);
    if (!status) {
      thread->missing = false;
      continue;
    }
    // An exec by another thread gives it another id for a moment: only who is gone for two looks is dead.
    if (status->dead() && !std::exchange(thread->missing, true)) continue;
    thefts_seen_ = true;
    thread->process->report_theft(*thread);
    thread->process->on_event(*thread, *status);
  }
}

bool Tracer::run_jobs() {
  if (jobs_.load(std::memory_order_relaxed) == nullptr) return false;
  run_list(jobs_.exchange(nullptr, std::memory_order_acquire));
  return true;
}

void Tracer::run_list(Job* newest) {
  Job* oldest = nullptr;
  while (newest != nullptr) {
    Job* next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  // A command of another thread is no part of the callback that it may happen to interrupt.
  CallbackScope* const interrupted = std::exchange(callback_, nullptr);
  while (oldest != nullptr) {
    Job& job = *oldest;
    oldest = job.next;
    try {
      job.function();
    } catch (...) {
      job.error = std::current_exception();
    }
    // The job lives on its caller's stack, which is gone once it is done; the wake-up only names its address.
    job.done.store(1, std::memory_order_release);
    support::futex_wake(job.done, 1);
  }
  callback_ = interrupted;
}

void Tracer::loop() {
  id_ = std::this_thread::get_id();
  while (!stopping_) {
    try {
      pump_one();
    } catch (const std::exception& error) {
      // A thread that died under a request is reported by its status; anything else has no caller to go to.
      support::log(LogCategory::event, [&] { return std::string(error.what()); });
    }
  }
  run_list(jobs_.exchange(&closed_));
  stops_.clear();
  guardian_.reset();
  const std::lock_guard lock(bell_mutex_);
  bell_.reset();
}

void Tracer::guard() {
  if (!guardian_) guardian_ = std::make_unique<os::Guardian>(ledger_);
}

bool Tracer::anyone_running() const {
  return std::ranges::any_of(processes_, [](const auto& process) { return process->anyone_running(); });
}

void Tracer::pump_one(const Deadline& deadline) {
  if (run_jobs()) return;
  // After each the caller looks whether that was what he waits for (BreakpointHard.a_parent_in_vfork_is_at_rest).
  if (take_untaken() || reap_dying()) return;
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    if (processes_[i]->run_due()) return;
  }
  if (!anyone_running() && to_release_.empty()) {
    sleep_for_jobs(deadline);
    return;
  }
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
  if (event) handle(*event);
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

std::optional<os::Waited> Tracer::event_by_turn() {
  // A round costs a request for each that blocks, and of many processes a switch to each; in between the youngest,
  // which the kernel finds at once, are served. Rare enough to cost little, and everybody gets a fifth of his share at
  // least.
  constexpr std::size_t events_for_each = 4;
  if (turns_.empty()) {
    if (threads_.size() < 2 || ++events_since_turns_ < events_for_each * threads_.size()) return std::nullopt;
    events_since_turns_ = 0;
    for (const auto& [tid, thread] : threads_) {
      if (thread->run == ThreadState::Run::running) turns_.push_back(tid);
    }
  }
  while (!turns_.empty()) {
    const ThreadState* const thread = find(turns_.back());
    turns_.pop_back();
    if (thread == nullptr || thread->run != ThreadState::Run::running) continue;
    if (const auto event = os::look_one(thread->tid, os::Sleep::no)) return event;
  }
  return std::nullopt;
}

std::optional<os::Waited> Tracer::next_event(os::Sleep sleep) {
  if (const auto event = event_by_turn()) return event;
  // A wait for any tracee walks over all that stand, once in vain before it sleeps and once when it is woken. Where
  // they are many, the only one that runs has the CPU for a moment, which on the same one is enough to come to its
  // stop.
  constexpr std::size_t many = 32;
  if (sleep == os::Sleep::until_event && threads_.size() > many) {
    if (const pid_t runner = only_runner(threads_); runner != 0) {
      ::sched_yield();
      if (const auto event = os::look_one(runner, os::Sleep::no)) return event;
    }
  }
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

void Tracer::handle(const os::Waited& event) {
  if (bell_ && event.tid == bell_->tid()) {
    if (!bell_->answer()) {
      const std::lock_guard lock(bell_mutex_);
      bell_.reset();
    }
    if (theft_suspected_.exchange(false)) recover_stolen();
    return;
  }
  if (guardian_ && event.tid == guardian_->tid()) {
    os::take(event.tid);
    if (event.status.dead()) guardian_.reset();
    return;
  }
  ThreadState* const thread = find(event.tid);
  if (thread == nullptr) {
    handle_stranger(event);
    return;
  }
  support::log(LogCategory::event,
               [&] { return "thread " + std::to_string(event.tid) + ": " + os::describe(event.status); });
  // After an exec by another thread than the leader the kernel answers ESRCH to every request until the event was
  // taken: the id might still mean the old leader (ptrace_freeze_traced; Threads.one_that_is_not_the_leader_may_exec).
  if (event.status.dead() || event.status.event() == os::WaitStatus::Event::exec) {
    const auto taken = os::take(event.tid);
    thread->process->on_event(*thread, taken ? taken->status : event.status);
  } else {
    note_untaken(*thread, event.status);
    thread->process->on_event(*thread, event.status);
  }
}

void Tracer::add(const std::shared_ptr<ThreadState>& thread) {
  const pid_t tid = thread->tid;
  threads_[tid] = thread;
  if (const auto status = early_status(tid)) thread->process->on_event(*thread, *status);
}

void Tracer::rename(pid_t from, pid_t to) {
  const auto node = threads_.extract(from);
  if (node.empty()) return;
  threads_[to] = node.mapped();
}

void Tracer::remove(pid_t tid) {
  const auto found = threads_.find(tid);
  if (found == threads_.end()) return;
  std::erase(untaken_, found->second.get());
  threads_.erase(found);
}

ThreadState* Tracer::find(pid_t tid) const {
  const auto found = threads_.find(tid);
  return found == threads_.end() ? nullptr : found->second.get();
}

void Tracer::add(std::shared_ptr<Process> process) { processes_.push_back(std::move(process)); }

void Tracer::remove(Process& process) {
  const auto alive = process.shared_from_this();
  std::erase_if(processes_, [&](const auto& entry) { return entry.get() == &process; });
  // Nobody else knows a guest; those that are followed are their parents' to dissolve.
  if (!process.followed()) process.dissolve();
}

void Tracer::note_stop(const std::shared_ptr<Process>& process) {
  if (!process->queue_for_wait_any(true)) stops_.push_back(process);
  stops_seen_.fetch_add(1, std::memory_order_seq_cst);
  // Whoever sleeps counted himself before he looked a last time.
  if (stop_sleepers_.load(std::memory_order_seq_cst) != 0) support::futex_wake(stops_seen_, INT_MAX);
}

std::optional<Stop> Tracer::take_any_stop() {
  while (!stops_.empty()) {
    const auto process = stops_.front();
    process->rethrow_error();
    stops_.pop_front();
    static_cast<void>(process->queue_for_wait_any(false));
    if (auto stop = process->take_new_stop()) return stop;
  }
  const auto followed = [](const auto& process) { return process->followed(); };
  if (std::ranges::none_of(processes_, followed)) {
    throw ProcessGone("every process is gone, and the ends of all of them were told");
  }
  if (std::ranges::none_of(processes_, [&](const auto& process) { return followed(process) && process->running(); })) {
    throw UsageError("all processes are at rest and their Stops were taken already: call cont() first");
  }
  return std::nullopt;
}

Stop Tracer::wait_any(Timeout timeout) {
  const Deadline deadline = timeout ? Deadline(std::chrono::steady_clock::now() + *timeout) : Deadline();
  TheftWatch watch(*this);
  std::optional<Stop> stop;
  for (;;) {
    const std::uint32_t seen = stops_seen_;
    call([&] { stop = take_any_stop(); });
    if (stop) return *stop;
    if (deadline && std::chrono::steady_clock::now() >= *deadline) {
      throw TimedOut("no stop of any process in the time given; they go on");
    }
    if (on_tracer_thread()) {
      pump_one(deadline);
      continue;
    }
    stop_sleepers_.fetch_add(1, std::memory_order_seq_cst);
    if (stops_seen_.load(std::memory_order_seq_cst) == seen) {
      const auto until = deadline ? std::min(*deadline, watch.next_look()) : watch.next_look();
      support::futex_wait(stops_seen_, seen, until);
    }
    stop_sleepers_.fetch_sub(1, std::memory_order_relaxed);
    watch.look();
  }
}

void Tracer::settle_child_signals() {
  const bool block = host_blocks_child_signals_ || os::handled_here(SIGCHLD);
  if (block == std::exchange(child_signals_blocked_, block)) return;
  os::block_here(SIGCHLD, block);
}

void Tracer::note_untaken(ThreadState& thread, os::WaitStatus status) {
  thread.untaken_status = status;
  if (std::exchange(thread.untaken, true)) return;
  untaken_.push_back(&thread);
}

void Tracer::note_resumed(ThreadState& thread) {
  thread.process->note_run();
  if (!std::exchange(thread.untaken, false)) return;
  std::erase(untaken_, &thread);
}

bool Tracer::take_untaken() {
  bool found = false;
  while (!untaken_.empty()) {
    const auto thread = untaken_.back()->shared_from_this();
    untaken_.pop_back();
    thread->untaken = false;
    const auto taken = os::take(thread->tid);
    // A SIGKILL ends any stop, and what is taken then is the exit (Death.someone_else_kills_it_during_a_callback).
    if (!taken || taken->status == thread->untaken_status) continue;
    found = true;
    thread->process->on_event(*thread, taken->status);
  }
  return found;
}

Tracer::CallbackScope::~CallbackScope() {
  tracer_.callback_ = outer_;
  for (const auto& thread : held_) thread->process->release_hold(*thread);
}

void Tracer::hold_until_callback_ends(std::shared_ptr<ThreadState> thread) {
  if (std::ranges::find(callback_->held_, thread) != callback_->held_.end()) return;
  ++thread->holds;
  callback_->held_.push_back(std::move(thread));
}

std::vector<std::shared_ptr<ThreadState>> Tracer::hold_all_until_callback_ends(Process& process) {
  auto held = process.hold_running();
  callback_->held_.insert(callback_->held_.end(), held.begin(), held.end());
  return held;
}

void Tracer::release_early(Process& process, const std::vector<std::shared_ptr<ThreadState>>& held) {
  if (callback_ == nullptr) return;
  for (const auto& thread : held) {
    if (std::erase(callback_->held_, thread) != 0) process.release_hold(*thread);
  }
}

}  // namespace trapline::core
