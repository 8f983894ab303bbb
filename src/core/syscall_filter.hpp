#pragma once

#include <linux/filter.h>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/syscall_handlers.hpp"

namespace trapline::core {

class Process;
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
  void inherit(const SyscallFilter& parent);
  /// It has only the first so many of its parent's filters: the others came after the kernel had made it.
  void keep_first(unsigned count);
  /// What is to be seen from now on, in each ABI's table.
  void want(const std::array<SyscallTrap::Wanted, 3>& wanted);

  [[nodiscard]] bool enabled() const { return enabled_; }
  /// How many filters the threads have of us.
  [[nodiscard]] unsigned count() const { return static_cast<unsigned>(layers_.size()); }
  /// Some of them came while the program ran.
  [[nodiscard]] bool extended() const { return extended_; }
  /// All that is wanted stops by itself.
  [[nodiscard]] bool covers() const { return covers_ && spreading_ == 0; }
  /// Something can be done about it that it does not.
  [[nodiscard]] bool can_extend() const {
    return enabled_ && !covers_ && !refused_ && !beyond_ && !idle_ && !extending_;
  }
  /// A filter for what is wanted and in none yet; empty when there is nothing to filter.
  [[nodiscard]] std::vector<sock_filter> missing();
  enum class When { at_launch, later };
  /// That filter is in force.
  void note_installed(When when);
  /// It cannot be.
  void note_refused() { refused_ = true; }
  /// Whether a stop for that call, with that data, is one that a filter of ours asks for.
  [[nodiscard]] bool stops_at(Abi abi, std::int64_t number, std::uint16_t data) const;

  /// While it lives, no second thread begins with an extension.
  class Extending {
   public:
    explicit Extending(SyscallFilter& filter) : filter_(filter), outer_(std::exchange(filter.extending_, true)) {}
    ~Extending() { filter_.extending_ = outer_; }
    Extending(const Extending&) = delete;
    Extending& operator=(const Extending&) = delete;

   private:
    SyscallFilter& filter_;
    const bool outer_;
  };

  /// A thread is about to give a filter of the program's to all of them: until it has, they stop at all calls.
  void begin_spread() { ++spreading_; }
  void end_spread() { spreading_ -= spreading_ != 0 ? 1 : 0; }
  /// Whoever was about to do that is gone.
  void forget_spreads() { spreading_ = 0; }
  [[nodiscard]] bool spreading() const { return spreading_ != 0; }

 private:
  using Numbers = std::array<std::vector<std::uint32_t>, 3>;

  static void add(Numbers& to, const Numbers& more);
  [[nodiscard]] Numbers difference() const;
  void update_covers();

  bool enabled_ = false;
  bool covers_ = false;
  bool refused_ = false;
  bool extended_ = false;
  bool extending_ = false;
  unsigned spreading_ = 0;
  /// Tells our stops from those of filters that the program installs; not for the program to guess.
  std::uint16_t mark_ = 0;
  /// Nothing is wanted.
  bool idle_ = true;
  /// All calls are wanted, or some that no table has.
  bool beyond_ = false;
  Numbers wanted_{};
  /// What each filter in force added, the oldest first.
  std::vector<Numbers> layers_{};
  Numbers installed_{};
  /// What the program adds that `missing` made last.
  Numbers offer_{};
  /// With what a thread may have put in before it died without telling.
  Numbers offered_{};
};

/// Puts what is missing into all threads of a process, by one that is stopped where it can run a syscall.
void extend_filter(ThreadState& thread);
/// The thread that was to do that has failed, and may have done it all the same.
void check_extension(Process& process);

}  // namespace trapline::core
