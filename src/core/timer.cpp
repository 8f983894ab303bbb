#include "core/timer.hpp"

#include <algorithm>

#include "support/thread.hpp"

namespace trapline::core {

Timer::~Timer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Timer::Armed Timer::arm(Clock::time_point when, std::function<void()> function) {
  const std::lock_guard lock(mutex_);
  if (!thread_.joinable()) thread_ = support::start_thread([this] { loop(); });
  const std::uint64_t id = ++next_id_;
  armed_.emplace(std::pair(when, id), std::move(function));
  changed_.notify_all();
  return Armed(*this, id);
}

void Timer::disarm(std::uint64_t id) {
  std::unique_lock lock(mutex_);
  const auto found = std::ranges::find_if(armed_, [&](const auto& entry) { return entry.first.second == id; });
  if (found != armed_.end()) armed_.erase(found);
  changed_.wait(lock, [&] { return running_ != id; });
}

void Timer::loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (armed_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto first = armed_.begin();
    if (Clock::now() < first->first.first) {
      // A copy: the entry may be disarmed meanwhile, and the time is looked at again after the wait.
      const Clock::time_point when = first->first.first;
      changed_.wait_until(lock, when);
      continue;
    }
    running_ = first->first.second;
    const auto function = std::move(first->second);
    armed_.erase(first);
    lock.unlock();
    function();
    lock.lock();
    running_ = 0;
    changed_.notify_all();
  }
}

}  // namespace trapline::core
