#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace trapline::core {

/// Calls functions at points in time, on a thread of its own that exists only once something was armed.
class Timer {
 public:
  using Clock = std::chrono::steady_clock;
  /// Disarms in its destructor; a function that runs at that moment is waited for.
  class Armed {
   public:
    Armed() = default;
    Armed(Timer& timer, std::uint64_t id) : timer_(&timer), id_(id) {}
    Armed(Armed&& other) noexcept : timer_(std::exchange(other.timer_, nullptr)), id_(other.id_) {}
    Armed& operator=(Armed&& other) noexcept {
      std::swap(timer_, other.timer_);
      std::swap(id_, other.id_);
      return *this;
    }
    ~Armed() {
      if (timer_ != nullptr) timer_->disarm(id_);
    }

   private:
    Timer* timer_ = nullptr;
    std::uint64_t id_ = 0;
  };

  Timer() = default;
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// The function runs on the timer's thread and must be short.
  [[nodiscard]] Armed arm(Clock::time_point when, std::function<void()> function);

 private:
  void disarm(std::uint64_t id);
  void loop();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::pair<Clock::time_point, std::uint64_t>, std::function<void()>> armed_;
  std::uint64_t next_id_ = 0;
  std::uint64_t running_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace trapline::core
