#pragma once

#include <sys/types.h>

#include <optional>

#include "os/wait.hpp"

namespace trapline::core {

/// Finds a thread's next stop without sleeping for it. Where tracer and tracee share a CPU, giving it away for a moment
/// and looking again is quicker than to sleep and be woken, and asking for one thread costs the same however many
/// others stand, through all of whom the kernel looks twice for a sleeper (512 of them: 34 us a stop, so 10).
///
/// On different CPUs it finds nothing, and on a busy one the moment is long: it learns to leave it.
class QuickLook {
 public:
  /// The thread's stop if it came at once.
  [[nodiscard]] std::optional<os::Waited> look(pid_t tid);
  /// Others wait for their turn: looking for one alone would put them off.
  void set_crowded(bool crowded) { crowded_ = crowded; }

 private:
  bool crowded_ = false;
  /// How many looks to leave out, now and after the next one in vain.
  unsigned left_out_ = 0;
  unsigned pause_ = 1;
};

}  // namespace trapline::core
