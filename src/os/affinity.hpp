#pragma once

#include <sys/types.h>

#include <optional>

#include "support/cpu_set.hpp"

namespace trapline::os {

// The CPUs on which a thread may run; thread 0 is the calling one. Throw ProcessGone and OsError.

[[nodiscard]] support::CpuSet affinity(pid_t tid);
/// The kernel takes those that the thread's cpuset has, at least one. It need not be at rest.
void set_affinity(pid_t tid, const support::CpuSet& cpus);
/// What a thread had before `bound` was set by us; it keeps what somebody else has given it since. Never throws.
void restore_affinity(pid_t tid, const support::CpuSet& bound, const support::CpuSet& before) noexcept;

/// Binds the calling thread to one CPU while it lives: to the one of `candidates` that the fewest others of this
/// program have, the one it runs on if there are several. Throws OsError when the kernel allows none.
class CpuClaim {
 public:
  explicit CpuClaim(const support::CpuSet& candidates);
  /// On the same thread.
  ~CpuClaim();
  CpuClaim(const CpuClaim&) = delete;
  CpuClaim& operator=(const CpuClaim&) = delete;

  [[nodiscard]] int cpu() const { return cpu_; }

 private:
  const support::CpuSet before_;
  int cpu_ = -1;
};

}  // namespace trapline::os
