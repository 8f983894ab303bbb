#pragma once

#include <sys/types.h>

#include <cstddef>

#include "os/ledger_entries.hpp"

namespace trapline::os {

/// Which threads are bound to a CPU by us, and what they are to have instead: written by the tracer thread, and read by
/// a Guardian when the host is dead, in the middle of whatever it was doing. Hence plain words, that change in an order
/// in which each moment makes sense.
class AffinityLedger {
 public:
  /// As sched_setaffinity(2) takes them; has to stay where it is while an entry refers to it.
  struct Cpus {
    const std::byte* bits = nullptr;
    std::size_t size = 0;
  };
  struct Entry {
    const Cpus* own = nullptr;
    int bound_to = -1;
    /// 0 for an entry that is not used.
    pid_t tid = 0;
  };

  AffinityLedger() = default;
  AffinityLedger(const AffinityLedger&) = delete;
  AffinityLedger& operator=(const AffinityLedger&) = delete;

  /// Before the thread is bound.
  [[nodiscard]] Entry* enter(pid_t tid, int bound_to, const Cpus& own);
  static void change(Entry& entry, const Cpus& own);
  static void rename(Entry& entry, pid_t tid);
  /// After it is bound no more, or dead.
  void strike(Entry& entry);

 private:
  friend class Guardian;
  LedgerEntries<Entry, 64> entries_;
};

}  // namespace trapline::os
