#include "core/rest_signal.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <optional>

#include "os/error.hpp"
#include "support/futex.hpp"

namespace trapline::core {

void RestSignal::set(State state) {
  state_.store(static_cast<std::uint32_t>(state), std::memory_order_seq_cst);
  // Whoever sleeps counted himself before he looked at the state a last time.
  if (sleepers_.load(std::memory_order_seq_cst) != 0) support::futex_wake(state_, INT_MAX);
  if (waiters_.load(std::memory_order_seq_cst) == 0) return;
  const std::lock_guard lock(mutex_);
  for (const Waiter* waiter = first_; waiter != nullptr; waiter = waiter->next_) waiter->ring();
}

bool RestSignal::wait_change(State from, Timeout timeout) {
  std::optional<std::chrono::steady_clock::time_point> deadline;
  if (timeout) deadline = std::chrono::steady_clock::now() + *timeout;
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  bool changed = true;
  while (state_.load(std::memory_order_seq_cst) == static_cast<std::uint32_t>(from)) {
    changed = !deadline || std::chrono::steady_clock::now() < *deadline;
    if (!changed) break;
    support::futex_wait(state_, static_cast<std::uint32_t>(from), deadline);
  }
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
  return changed;
}

RestSignal::Waiter::Waiter(RestSignal& signal) : signal_(signal), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_.valid()) os::throw_os_error(errno, "eventfd", 0);
  const std::lock_guard lock(signal_.mutex_);
  next_ = std::exchange(signal_.first_, this);
  signal_.waiters_.fetch_add(1, std::memory_order_seq_cst);
}

RestSignal::Waiter::~Waiter() {
  const std::lock_guard lock(signal_.mutex_);
  for (Waiter** at = &signal_.first_; *at != nullptr; at = &(*at)->next_) {
    if (*at != this) continue;
    *at = next_;
    break;
  }
  signal_.waiters_.fetch_sub(1, std::memory_order_seq_cst);
}

void RestSignal::Waiter::ring() const { ::eventfd_write(event_.get(), 1); }

}  // namespace trapline::core
