#pragma once

#include <chrono>

namespace trapline::core {

/// Whether to look for a thread's next stop before sleeping for it. Where tracer and tracee share a CPU, giving it away
/// for a moment and looking again is quicker than to sleep and be woken, and asking for one thread costs the same
/// however many others stand, through all of whom the kernel looks twice for a sleeper (512 of them: 34 us a stop, so
/// 10).
///
/// On different CPUs that finds nothing, and on a busy one the moment is long: it is then tried ever more rarely.
class QuickLook {
 public:
  /// Whether this time is one to try it.
  [[nodiscard]] bool worth_it();
  /// What came of that.
  void note(bool found, std::chrono::nanoseconds took);
  /// Others wait for their turn: looking for one alone would put them off.
  void set_crowded(bool crowded) { crowded_ = crowded; }

 private:
  bool crowded_ = false;
  /// How many times to leave out, now and after the next one in vain.
  unsigned left_out_ = 0;
  unsigned pause_ = 1;
};

}  // namespace trapline::core
