#pragma once

#include <sys/types.h>

#include "os/affinity_ledger.hpp"
#include "os/helper_task.hpp"
#include "os/trap_ledger.hpp"

namespace trapline::os {

/// Takes the traps out of the memory of tracees that live on when the host is killed, and gives them back their CPUs.
/// The kernel lets go of them as soon as the tracer thread dies, and wakes this task in the same breath: a thread that
/// executes a trap before that is out dies of SIGTRAP (HostKilled.its_breakpoints_are_taken_out).
class Guardian {
 public:
  /// On the tracer thread, whose death it waits for.
  Guardian(const TrapLedger& traps, const AffinityLedger& affinities);

  [[nodiscard]] pid_t tid() const { return task_.tid(); }

 private:
  struct Post {
    const TrapLedger* traps;
    const AffinityLedger* affinities;
    pid_t host;
  };
  static void watch(void* post);
  static void put_back(const TrapLedger& ledger);
  static void give_back(const AffinityLedger& ledger);

  Post post_;
  HelperTask task_;
};

}  // namespace trapline::os
