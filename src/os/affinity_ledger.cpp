#include "os/affinity_ledger.hpp"

namespace trapline::os {
namespace {

template <class T>
void publish(T& place, T value) {
  __atomic_store_n(&place, value, __ATOMIC_RELEASE);
}

}  // namespace

AffinityLedger::Entry* AffinityLedger::enter(pid_t tid, int bound_to, const Cpus& own) {
  if (free_.empty()) {
    Chunk& chunk = chunks_.emplace_front();
    for (Entry& entry : chunk.entries) free_.push_back(&entry);
    chunk.next = first_;
    publish(first_, &chunk);
  }
  Entry* const entry = free_.back();
  free_.pop_back();
  entry->own = &own;
  entry->bound_to = bound_to;
  publish(entry->tid, tid);
  return entry;
}

void AffinityLedger::change(Entry& entry, const Cpus& own) { publish(entry.own, &own); }

void AffinityLedger::rename(Entry& entry, pid_t tid) { publish(entry.tid, tid); }

void AffinityLedger::strike(Entry& entry) {
  publish(entry.tid, 0);
  free_.push_back(&entry);
}

}  // namespace trapline::os
