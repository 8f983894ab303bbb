#pragma once

#include <linux/filter.h>

#include <array>
#include <cstdint>
#include <vector>

#include "core/syscall_handlers.hpp"

namespace trapline::core {

class ThreadState;

/// The seccomp filters that we put into a process, so that only the calls that somebody handles stop it.
///
/// Filters are never taken away: what is not handled any more still stops, and goes on. What is handled and not in them
/// yet is seen by stopping at all calls, until the filter is extended.
class SyscallFilter {
 public:
  /// A new program begins, without any of ours.
  void begin(bool enabled);
  /// The process is a child, and has what its parent has.
  void inherit(const SyscallFilter& parent) { *this = parent; }
  /// What is to be seen from now on, in each ABI's table.
  void want(const std::array<SyscallTrap::Wanted, 3>& wanted);

  [[nodiscard]] bool enabled() const { return enabled_; }
  /// How many filters the threads have of us.
  [[nodiscard]] unsigned count() const { return count_; }
  /// All that is wanted stops by itself.
  [[nodiscard]] bool covers() const { return covers_; }
  /// Something can be done about it that it does not.
  [[nodiscard]] bool can_extend() const { return enabled_ && !covers_ && !refused_ && !beyond_ && !idle_; }
  /// A filter for what is wanted and in none yet; empty when there is nothing to filter.
  [[nodiscard]] std::vector<sock_filter> missing() const;
  /// That filter is in force.
  void note_installed();
  /// It cannot be.
  void note_refused() { refused_ = true; }

 private:
  using Numbers = std::array<std::vector<std::uint32_t>, 3>;

  [[nodiscard]] Numbers difference() const;

  bool enabled_ = false;
  bool covers_ = false;
  bool refused_ = false;
  /// Nothing is wanted.
  bool idle_ = true;
  /// All calls are wanted, or some that no table has.
  bool beyond_ = false;
  unsigned count_ = 0;
  Numbers wanted_{};
  Numbers installed_{};
};

/// Puts what is missing into all threads of a process, by one that is stopped where it can run a syscall.
void extend_filter(ThreadState& thread);

}  // namespace trapline::core
