#include "core/tracee_memory.hpp"

#include <algorithm>
#include <mutex>

#include <trapline/error.hpp>

namespace trapline::core {

TraceeMemory::Patches::const_iterator TraceeMemory::first_reaching(Address address) const {
  return patches_.lower_bound(address < longest ? 0 : address - (longest - 1));
}

void TraceeMemory::mask(Address address, std::span<std::byte> bytes) const {
  for (auto at = first_reaching(address); at != patches_.end() && at->first < address + bytes.size(); ++at) {
    const auto& [start, patch] = *at;
    for (std::size_t i = 0; i < patch.size; ++i) {
      if (start + i < address || start + i >= address + bytes.size()) continue;
      std::byte& shown = bytes[start + i - address];
      if (shown == patch.trap[i]) shown = patch.original[i];
    }
  }
}

std::size_t TraceeMemory::read(Address address, std::span<std::byte> into) const {
  const std::size_t before = insertions_.load(std::memory_order_acquire);
  if (!has_traps()) {
    const std::size_t count = memory_.read(address, into);
    if (insertions_.load(std::memory_order_acquire) == before) return count;
  }
  const std::shared_lock lock(mutex_);
  const std::size_t count = memory_.read(address, into);
  mask(address, into.first(count));
  return count;
}

void TraceeMemory::read_many(std::span<const ReadPiece> pieces, std::span<std::size_t> counts) const {
  const std::size_t before = insertions_.load(std::memory_order_acquire);
  if (!has_traps()) {
    memory_.read_many(pieces, counts);
    if (insertions_.load(std::memory_order_acquire) == before) return;
  }
  const std::shared_lock lock(mutex_);
  memory_.read_many(pieces, counts);
  for (std::size_t i = 0; i < pieces.size(); ++i) mask(pieces[i].address, pieces[i].into.first(counts[i]));
}

std::size_t TraceeMemory::write(Address address, ByteView bytes) {
  const std::lock_guard lock(mutex_);
  writes_.fetch_add(1, std::memory_order_relaxed);
  // What is written there now is no trap of ours, whatever it is.
  lifted_.erase(lifted_.lower_bound(address), lifted_.lower_bound(address + bytes.size()));
  const auto first = first_reaching(address);
  if (first == patches_.end() || first->first >= address + bytes.size()) return memory_.write(address, bytes);
  return write_under(address, bytes);
}

bool TraceeMemory::write_as_process(Address address, ByteView bytes) {
  {
    const std::lock_guard lock(mutex_);
    const auto first = first_reaching(address);
    if (first == patches_.end() || first->first >= address + bytes.size()) {
      writes_.fetch_add(1, std::memory_order_relaxed);
      return memory_.write_as_process(address, bytes);
    }
  }
  return write(address, bytes) == bytes.size();
}

std::size_t TraceeMemory::write_under(Address address, ByteView bytes) {
  Bytes written(bytes.begin(), bytes.end());
  const auto for_each_covered = [&](std::size_t size, auto&& function) {
    for (auto at = patches_.lower_bound(address < longest ? 0 : address - (longest - 1));
         at != patches_.end() && at->first < address + size; ++at) {
      for (std::size_t i = 0; i < at->second.size; ++i) {
        if (at->first + i >= address && at->first + i < address + size) {
          function(at->second, i, at->first + i - address);
        }
      }
    }
  };
  // What the process has overwritten is not ours any more, and is written like everything else.
  auto at = patches_.lower_bound(address < longest ? 0 : address - (longest - 1));
  while (at != patches_.end() && at->first < address + bytes.size()) {
    const auto patch = at++;
    if (!unchanged(patch->first, patch->second)) strike(patch);
  }
  for_each_covered(bytes.size(),
                   [&](Patch& patch, std::size_t i, std::size_t offset) { written[offset] = patch.trap[i]; });
  const std::size_t done = memory_.write(address, written);
  for_each_covered(done, [&](Patch& patch, std::size_t i, std::size_t offset) {
    patch.original[i] = bytes[offset];
    os::TrapLedger::Page::change(*patch.entry, std::span(patch.original).first(patch.size));
  });
  return done;
}

void TraceeMemory::reopen() {
  const std::lock_guard lock(mutex_);
  patches_.clear();
  page_.strike_all();
  lifted_.clear();
  count_ = 0;
  memory_.reopen();
}

bool TraceeMemory::stands(Address address) {
  const auto old = patches_.find(address);
  if (old == patches_.end()) return false;
  // Then it must not be taken for what was under it (BreakpointLive.taken_out_and_put_back_while_threads_run_into_it).
  if (unchanged(address, old->second)) return true;
  // The process has written over it.
  strike(old);
  return false;
}

bool TraceeMemory::put(Address address, ByteView trap, ByteView original) {
  lifted_.erase(address);
  Patch patch{.size = trap.size()};
  std::ranges::copy(trap, patch.trap.begin());
  std::ranges::copy(original, patch.original.begin());
  insertions_.fetch_add(1, std::memory_order_release);
  patch.entry = page_.enter(address, trap, original);
  if (memory_.write(address, trap) != patch.size) {
    page_.strike(*patch.entry);
    return false;
  }
  patches_[address] = patch;
  count_ = patches_.size();
  return true;
}

std::size_t TraceeMemory::plant(Address address, ByteView trap, std::span<std::byte> original) {
  const std::lock_guard lock(mutex_);
  const bool there = stands(address);
  const std::size_t count = memory_.read(address, original);
  mask(address, original.first(count));
  if (!there && (count < trap.size() || !put(address, trap, original.first(trap.size())))) return 0;
  return count;
}

bool TraceeMemory::plant_over(Address address, ByteView trap, ByteView original) {
  const std::lock_guard lock(mutex_);
  return stands(address) || put(address, trap, original);
}

bool TraceeMemory::plant(Address address, ByteView trap) {
  std::array<std::byte, longest> original{};
  return plant(address, trap, std::span(original).first(trap.size())) != 0;
}

bool TraceeMemory::unchanged(Address address, const Patch& patch) const {
  std::array<std::byte, longest> now{};
  const auto bytes = std::span(now).first(patch.size);
  return memory_.read(address, bytes) == patch.size &&
         std::ranges::equal(bytes, std::span(patch.trap).first(patch.size));
}

void TraceeMemory::lift(Address address) {
  const std::lock_guard lock(mutex_);
  const auto found = patches_.find(address);
  if (found == patches_.end()) return;
  const Patch patch = found->second;
  const bool ours = unchanged(address, patch);
  if (ours) static_cast<void>(memory_.write(address, std::span(patch.original).first(patch.size)));
  strike(found);
  if (ours) lifted_[address] = patch;
}

void TraceeMemory::strike(Patches::iterator patch) {
  page_.strike(*patch->second.entry);
  patches_.erase(patch);
  count_ = patches_.size();
}

bool TraceeMemory::intact(Address address) const {
  const std::shared_lock lock(mutex_);
  const auto found = patches_.find(address);
  return found != patches_.end() && unchanged(address, found->second);
}

bool TraceeMemory::planted(Address address) const {
  if (!has_traps()) return false;
  const std::shared_lock lock(mutex_);
  return patches_.contains(address);
}

bool TraceeMemory::had_traps() const {
  const std::shared_lock lock(mutex_);
  return !patches_.empty() || !lifted_.empty();
}

void TraceeMemory::clean_copy(pid_t child) const {
  const std::shared_lock lock(mutex_);
  if (patches_.empty() && lifted_.empty()) return;
  const os::ProcessMemory copy(child);
  for (const Patches* patches : {&patches_, &lifted_}) {
    for (const auto& [address, patch] : *patches) {
      std::array<std::byte, longest> now{};
      const auto bytes = std::span(now).first(patch.size);
      if (copy.read(address, bytes) != patch.size) continue;
      if (!std::ranges::equal(bytes, std::span(patch.trap).first(patch.size))) continue;
      static_cast<void>(copy.write(address, std::span(patch.original).first(patch.size)));
    }
  }
}

}  // namespace trapline::core
