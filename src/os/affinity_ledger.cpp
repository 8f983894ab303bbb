#include "os/affinity_ledger.hpp"

namespace trapline::os {

AffinityLedger::Entry* AffinityLedger::enter(pid_t tid, int bound_to, const Cpus& own) {
  Entry& entry = entries_.take();
  entry.own = &own;
  entry.bound_to = bound_to;
  publish(entry.tid, tid);
  return &entry;
}

void AffinityLedger::change(Entry& entry, const Cpus& own) { publish(entry.own, &own); }

void AffinityLedger::rename(Entry& entry, pid_t tid) { publish(entry.tid, tid); }

void AffinityLedger::strike(Entry& entry) {
  publish(entry.tid, 0);
  entries_.give_back(entry);
}

}  // namespace trapline::os
