#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <trapline/types.hpp>

namespace trapline::arch {

/// What makes a debug register fire. There is no kind for reads alone on x86.
enum class DebugAccess { execute, write, read_write };

struct DebugSlot {
  Address address = 0;
  DebugAccess access = DebugAccess::write;
  /// In bytes; of no meaning for `execute`.
  std::size_t length = 8;
  friend bool operator==(const DebugSlot&, const DebugSlot&) = default;
};

inline constexpr std::size_t debug_slot_count = 4;
using DebugSlots = std::array<std::optional<DebugSlot>, debug_slot_count>;

/// The x86 registers DR0 to DR7 by number: four addresses, 6 is the status, 7 the control; 4 and 5 do not exist.
using DebugRegisters = std::array<std::uint64_t, 8>;
inline constexpr std::size_t debug_status = 6;
inline constexpr std::size_t debug_control = 7;

/// How many bytes one slot can watch.
[[nodiscard]] std::span<const std::size_t> watch_lengths(Arch arch);
/// Why the slot cannot be armed, with what is allowed; empty when it can.
[[nodiscard]] std::string debug_slot_fault(Arch arch, const DebugSlot& slot);

/// What the registers must hold; each slot must be without fault.
[[nodiscard]] DebugRegisters encode_debug_slots(const DebugSlots& slots);
/// The bit of the flags register by which one instruction is executed although a slot says `execute` there.
inline constexpr std::uint64_t resume_flag = 0x10000;

/// Whether that slot fired, by the value of the status register.
[[nodiscard]] constexpr bool debug_slot_fired(std::uint64_t status, std::size_t slot) {
  return (status >> slot & 1) != 0;
}
/// Whether any did.
[[nodiscard]] constexpr bool any_debug_slot_fired(std::uint64_t status) { return (status & 0xf) != 0; }

}  // namespace trapline::arch
