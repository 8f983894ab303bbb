#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <span>

#include <trapline/types.hpp>

#include "os/memory.hpp"

namespace trapline::core {

/// The trap at a program's entry point while its dynamic loader runs.
///
/// It is a trap in the text although a debug register would need no care for children: the kernel keeps the perf event
/// of a debug register with the thread until its next exec, and looks at it at each switch of the CPU, which adds a
/// fifth to what every later stop of the thread costs (0.3 us; Linux 6.18).
class EntryTrap {
 public:
  /// Throws UsageError when there is no such memory.
  EntryTrap(const os::ProcessMemory& memory, Address address, std::span<const std::byte> trap);

  [[nodiscard]] Address address() const { return address_; }
  void remove() const;
  /// A child that the loader or a constructor of a library forks has a copy of it, and would die of it. Both are
  /// stopped.
  void remove_from_copy(pid_t child) const;

 private:
  [[nodiscard]] std::span<const std::byte> original() const { return std::span(original_).first(trap_.size()); }

  const os::ProcessMemory& memory_;
  Address address_;
  std::span<const std::byte> trap_;
  std::array<std::byte, 8> original_{};
};

}  // namespace trapline::core
