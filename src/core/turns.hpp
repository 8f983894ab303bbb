#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <vector>

namespace trapline::core {

/// Sees to it that each of many threads gets its turn. The kernel looks for a stop from the youngest tracee on, so that
/// of threads that stop again and again the same two are always found, and who waits for the progress of an older one
/// waits for ever (Threads.each_of_many_busy_ones_gets_its_turn). In rounds each is therefore asked for by its id: of
/// busy threads each is then found, of blocked ones none is, and the rounds are rare enough to cost little.
class Turns {
 public:
  void count_event() { ++events_; }
  /// True when so many threads make it time for a round, for which they are to be added.
  [[nodiscard]] bool due(std::size_t threads);
  void add(pid_t tid) { waiting_.push_back(tid); }
  /// Whom to ask for.
  [[nodiscard]] std::optional<pid_t> next();

 private:
  std::vector<pid_t> waiting_;
  std::size_t events_ = 0;
};

}  // namespace trapline::core
