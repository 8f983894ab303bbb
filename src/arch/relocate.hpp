#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <trapline/types.hpp>

#include "arch/instruction.hpp"

namespace trapline::arch {

/// The code that stands in a scratch slot for one instruction; it ends by a jump to where the instruction leads.
struct SlotCode {
  /// A thread at slot + offset is where it would be at `pc` without us.
  struct Place {
    std::uint8_t offset;
    Address pc;
  };

  std::array<std::byte, 64> bytes{};
  std::size_t size = 0;
  /// Every place where an instruction of the slot begins. The first is offset 0, the instruction itself.
  std::array<Place, 4> places{};
  std::size_t place_count = 0;
};

/// Whether relocate() knows how, a slot near enough given.
[[nodiscard]] bool is_relocatable(const Instruction& instruction, const Encoding& encoding);

/// Nothing when the plan is not relocatable, or when its memory operand is relative to the pc and out of the slot's
/// reach.
[[nodiscard]] std::optional<SlotCode> relocate(const TrapPlan& plan, Arch arch, Address at, Address slot);

}  // namespace trapline::arch
