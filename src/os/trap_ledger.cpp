#include "os/trap_ledger.hpp"

#include <cstring>

namespace trapline::os {
namespace {

std::uint32_t word_of(ByteView bytes) {
  std::uint32_t word = 0;
  std::memcpy(&word, bytes.data(), bytes.size());
  return word;
}

template <class T>
void publish(T& place, T value) {
  __atomic_store_n(&place, value, __ATOMIC_RELEASE);
}

}  // namespace

TrapLedger::Page::Page(TrapLedger& ledger, int file) : ledger_(ledger), file_(file) {
  const std::lock_guard lock(ledger_.mutex_);
  next_ = ledger_.first_;
  publish(ledger_.first_, this);
}

TrapLedger::Page::~Page() {
  const std::lock_guard lock(ledger_.mutex_);
  Page** link = &ledger_.first_;
  while (*link != this) link = &(*link)->next_;
  publish(*link, next_);
}

TrapLedger::Entry* TrapLedger::Page::enter(Address address, ByteView trap, ByteView original) {
  if (free_.empty()) {
    Chunk& chunk = chunks_.emplace_front();
    for (Entry& entry : chunk.entries) free_.push_back(&entry);
    chunk.next = first_;
    publish(first_, &chunk);
  }
  Entry* const entry = free_.back();
  free_.pop_back();
  entry->address = address;
  entry->trap = word_of(trap);
  entry->original = word_of(original);
  entry->size = static_cast<std::uint32_t>(trap.size());
  publish(entry->mask, trap.size() == sizeof(std::uint32_t) ? ~0U : (1U << 8 * trap.size()) - 1);
  return entry;
}

void TrapLedger::Page::change(Entry& entry, ByteView original) { publish(entry.original, word_of(original)); }

void TrapLedger::Page::strike(Entry& entry) {
  publish(entry.mask, 0U);
  free_.push_back(&entry);
}

void TrapLedger::Page::strike_all() {
  free_.clear();
  for (Chunk& chunk : chunks_) {
    for (Entry& entry : chunk.entries) {
      publish(entry.mask, 0U);
      free_.push_back(&entry);
    }
  }
}

}  // namespace trapline::os
