#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include <trapline/types.hpp>

#include "support/fd.hpp"

namespace trapline::core {

/// Whether a process runs, for other threads to look at and to wait for: by futex, or by poll beside the process's
/// streams.
class RestSignal {
 public:
  /// `detached`: it goes on without us.
  enum class State : std::uint32_t { running, at_rest, dead, detached };

  void set(State state);
  [[nodiscard]] State get() const { return static_cast<State>(state_.load(std::memory_order_acquire)); }
  /// Waits until the state is another one; false when the time ran out first.
  bool wait_change(State from, Timeout timeout);

  /// Registers somebody who polls: the descriptor becomes readable at each change.
  class Waiter {
   public:
    explicit Waiter(RestSignal& signal);
    ~Waiter();
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    [[nodiscard]] int fd() const { return event_.get(); }
    /// Makes the descriptor readable from elsewhere.
    void ring() const;

   private:
    friend class RestSignal;
    RestSignal& signal_;
    support::Fd event_;
    Waiter* next_ = nullptr;
  };

 private:
  std::atomic<std::uint32_t> state_{static_cast<std::uint32_t>(State::dead)};
  std::atomic<unsigned> sleepers_{0};
  std::atomic<unsigned> waiters_{0};
  std::mutex mutex_;
  Waiter* first_ = nullptr;
};

}  // namespace trapline::core
