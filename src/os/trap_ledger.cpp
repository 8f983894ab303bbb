#include "os/trap_ledger.hpp"

#include <cstring>

namespace trapline::os {
namespace {

std::uint32_t word_of(ByteView bytes) {
  std::uint32_t word = 0;
  std::memcpy(&word, bytes.data(), bytes.size());
  return word;
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
  Entry& entry = entries_.take();
  entry.address = address;
  entry.trap = word_of(trap);
  entry.original = word_of(original);
  entry.size = static_cast<std::uint32_t>(trap.size());
  publish(entry.mask, trap.size() == sizeof(std::uint32_t) ? ~0U : (1U << 8 * trap.size()) - 1);
  return &entry;
}

void TrapLedger::Page::change(Entry& entry, ByteView original) { publish(entry.original, word_of(original)); }

void TrapLedger::Page::strike(Entry& entry) {
  publish(entry.mask, 0U);
  entries_.give_back(entry);
}

void TrapLedger::Page::strike_all() {
  entries_.give_all_back([](Entry& entry) { publish(entry.mask, 0U); });
}

}  // namespace trapline::os
