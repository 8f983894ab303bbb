#include <algorithm>
#include <thread>

#include <trapline/error.hpp>

#include "core/process.hpp"
#include "core/syscall_resume.hpp"
#include "os/proc.hpp"
#include "os/ptrace.hpp"

// Who is at rest when: bringing threads to rest, keeping them there, and telling the world.

namespace trapline::core {

using Run = ThreadState::Run;

namespace {

/// Not stopped, and not in a vfork either: whoever waits there for the child to let go of the memory, and was
/// interrupted, executes nothing before it stops (HardPlaces.children_that_share_the_memory_while_others_run).
bool may_execute(const ThreadState& thread) {
  if (thread.run != Run::running) return false;
  if (thread.status.event() != os::WaitStatus::Event::vfork) return true;
  try {
    char state = 'R';
    // On its way into the wait, which no event will tell.
    while ((state = os::thread_state(thread.tid)) == 'R') std::this_thread::yield();
    return state != 'D';
  } catch (const Error&) {
    return true;
  }
}

}  // namespace

bool Process::may_execute() const {
  return std::ranges::any_of(threads_, [](const auto& thread) { return core::may_execute(*thread); });
}

void Process::gather() {
  const bool outer = std::exchange(gathering_, true);
  const auto asked = [](const auto& thread) { return thread->run == Run::running && !thread->claimed; };
  const auto awaited = [&](const auto& thread) { return asked(thread) && core::may_execute(*thread); };
  for (const auto& thread : std::vector(threads_)) {
    if (!asked(thread)) continue;
    try {
      core::interrupt(*thread);
    } catch (const ProcessGone&) {
      // Dying: its next status says so.
    }
  }
  tracer_->pump_until([&] { return dead() || std::ranges::none_of(threads_, awaited); });
  gathering_ = outer;
}

void Process::bring_to_rest(ThreadState& thread) {
  if (thread.run != Run::running) return;
  // Held, so that an event of its own that comes first is kept instead of dispatched.
  ++thread.holds;
  core::interrupt(thread);
  tracer_->pump_until([&] { return !core::may_execute(thread); });
  --thread.holds;
}

void Process::throw_not_stopped(const ThreadState& thread) const {
  if (gone()) throw_gone();
  if (thread.run != Run::running) throw ProcessGone("thread " + std::to_string(thread.tid) + " is dead");
  throw UsageError("thread " + std::to_string(thread.tid) +
                   " waits in vfork for its child to execute a program or to exit: until then the kernel neither stops "
                   "it nor tells its registers");
}

void Process::release_hold(ThreadState& thread) {
  if (--thread.holds > 0 || !thread.stopped() || thread.pending || !running() || frozen()) return;
  resume(thread);
}

void Process::publish(Stop stop) {
  if (dead()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = std::move(stop);
    stop_taken_ = false;
  }
  rest_->set(RestSignal::State::at_rest);
  tracer_->note_stop(shared_from_this());
}

void Process::run_others() {
  {
    const std::lock_guard lock(mutex_);
    stop_.reset();
  }
  rest_->set(RestSignal::State::running);
  if (!dispatch_kept()) resume_all();
}

void Process::rest_others() {
  if (!running()) return;
  gather();
  if (!running()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_.reset();
    stop_taken_ = true;
  }
  rest_->set(RestSignal::State::at_rest);
}

std::optional<Stop> Process::take_new_stop() {
  const std::lock_guard lock(mutex_);
  if (!stop_ || stop_taken_) return std::nullopt;
  stop_taken_ = true;
  return stop_;
}

Stop Process::take_stop() {
  const std::lock_guard lock(mutex_);
  stop_taken_ = true;
  return *stop_;
}

Process::StopKept::StopKept(Process& process) : process_(process), at_rest_(process.at_rest_now()) {
  const std::lock_guard lock(process.mutex_);
  stop_ = process.stop_;
  taken_ = process.stop_taken_;
}

void Process::StopKept::put_back() const {
  if (!at_rest_ || !process_.at_rest_now()) return;
  const std::lock_guard lock(process_.mutex_);
  if (process_.stop_ && !process_.stop_taken_) return;
  process_.stop_ = stop_;
  process_.stop_taken_ = taken_;
}

void Process::wait_claimed(ThreadState& thread) {
  tracer_->pump_until([&] { return thread.run != Run::running; });
  if (thread.run == Run::dead || thread.run == Run::dying) {
    throw ProcessGone("thread " + std::to_string(thread.tid) + " died");
  }
}

std::vector<std::shared_ptr<ThreadState>> Process::hold_running() {
  // Also those that a command further out is moving: it goes on with them when whoever holds them is done.
  std::vector<std::shared_ptr<ThreadState>> held;
  const auto hold_more = [&] {
    bool found = false;
    for (const auto& thread : std::vector(threads_)) {
      if (thread->run != Run::running || std::ranges::find(held, thread) != held.end()) continue;
      ++thread->holds;
      held.push_back(thread);
      found = true;
      try {
        core::interrupt(*thread);
      } catch (const ProcessGone&) {
        // Dying: its next status says so.
      }
    }
    return found;
  };
  try {
    // Threads that were being born meanwhile are caught by another round.
    while (hold_more()) {
      tracer_->pump_until([&] {
        return std::ranges::none_of(
            held, core::may_execute, [](const auto& thread) -> auto& { return *thread; });
      });
    }
  } catch (...) {
    for (const auto& thread : held) release_hold(*thread);
    throw;
  }
  return held;
}

}  // namespace trapline::core
