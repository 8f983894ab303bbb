#pragma once

#include <sys/types.h>

#include <cstddef>
#include <deque>
#include <optional>

#include "os/wait.hpp"

namespace trapline::core {

/// Sees to it that each of many threads gets its turn. The kernel looks for a stop from the youngest tracee on, so that
/// of threads that stop again and again the same two are always found, and who waits for the progress of an older one
/// waits for ever (Threads.each_of_many_busy_ones_gets_its_turn). Now and then all stops that there are are therefore
/// taken, to be handled one after the other.
class Turns {
 public:
  void count_event() { ++events_; }
  /// True when so many threads make it time to take all stops.
  [[nodiscard]] bool due(std::size_t threads);

  void add(const os::Waited& taken) { taken_.push_back(taken); }
  /// The one that was taken first.
  [[nodiscard]] std::optional<os::Waited> next();
  [[nodiscard]] bool has(pid_t tid) const;
  void forget(pid_t tid);

 private:
  std::deque<os::Waited> taken_;
  std::size_t events_ = 0;
};

}  // namespace trapline::core
