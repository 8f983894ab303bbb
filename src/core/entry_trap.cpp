#include "core/entry_trap.hpp"

#include <algorithm>

#include <trapline/error.hpp>

namespace trapline::core {

EntryTrap::EntryTrap(const os::ProcessMemory& memory, Address address, std::span<const std::byte> trap)
    : memory_(memory), address_(address), trap_(trap) {
  const auto covered = std::span(original_).first(trap.size());
  if (memory.read(address, covered) != trap.size() || memory.write(address, trap) != trap.size()) {
    throw UsageError("the program's entry point is not in its memory; run it with continue_to_entry = false");
  }
}

void EntryTrap::remove() const { static_cast<void>(memory_.write(address_, original())); }

void EntryTrap::remove_from_copy(pid_t child) const {
  static_cast<void>(os::ProcessMemory(child).write(address_, original()));
  // No copy after all (vfork, CLONE_VM): ours has lost it too.
  std::array<std::byte, 8> now{};
  const auto ours = std::span(now).first(trap_.size());
  if (memory_.read(address_, ours) != trap_.size() || std::ranges::equal(ours, trap_)) return;
  static_cast<void>(memory_.write(address_, trap_));
}

}  // namespace trapline::core
