#include "arch/debug_registers.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace trapline::arch {
namespace {

constexpr std::array<std::size_t, 4> lengths_64{1, 2, 4, 8};
constexpr std::array<std::size_t, 3> lengths_32{1, 2, 4};

// Intel SDM volume 3, 18.2.4: the control register has two enable bits a slot from bit 0 on, of which the lower one is
// the task's, and from bit 16 on four bits a slot: what fires, and the length.
constexpr unsigned first_field = 16;

constexpr std::uint64_t field_of(const DebugSlot& slot) {
  constexpr std::uint64_t on_execute = 0;
  constexpr std::uint64_t on_write = 1;
  constexpr std::uint64_t on_read_write = 3;
  switch (slot.access) {
    // Its length must be that of one byte.
    case DebugAccess::execute: return on_execute;
    case DebugAccess::write:
    case DebugAccess::read_write: break;
  }
  // Eight bytes came later than four, hence the order.
  const std::uint64_t length = slot.length == 1 ? 0 : slot.length == 2 ? 1 : slot.length == 4 ? 3 : 2;
  return (slot.access == DebugAccess::write ? on_write : on_read_write) | length << 2;
}

std::string listed(std::span<const std::size_t> lengths) {
  std::string text;
  for (std::size_t i = 0; i < lengths.size(); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 == lengths.size() ? " or " : ", ", lengths[i]);
  return text;
}

/// The lowest address that is the kernel's, 0 for none.
Address end_of_user_space(Arch arch) {
  switch (arch) {
    case Arch::amd64: return Address{1} << 63;
    case Arch::i386: return Address{1} << 32;
    case Arch::aarch64: return Address{1} << 56;
  }
  return 0;
}

}  // namespace

std::span<const std::size_t> watch_lengths(Arch arch) {
  if (arch == Arch::i386) return lengths_32;
  return lengths_64;
}

std::string debug_slot_fault(Arch arch, const DebugSlot& slot) {
  if (slot.address >= end_of_user_space(arch)) return fmt::format("{:#x} is no address of a program", slot.address);
  if (slot.access == DebugAccess::execute) return {};
  const auto lengths = watch_lengths(arch);
  if (std::ranges::find(lengths, slot.length) == lengths.end())
    return fmt::format("a watchpoint cannot cover {} bytes: it covers {}", slot.length, listed(lengths));
  const Address past = slot.address % slot.length;
  if (past == 0) return {};
  return fmt::format(
      "a watchpoint of {} bytes at {:#x} is not aligned: its address must be a multiple of {}, such as {:#x}",
      slot.length, slot.address, slot.length, slot.address - past);
}

DebugRegisters encode_debug_slots(const DebugSlots& slots) {
  DebugRegisters registers{};
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (!slots[i]) continue;
    registers[i] = slots[i]->address;
    registers[debug_control] |= std::uint64_t{1} << (2 * i) | field_of(*slots[i]) << (first_field + 4 * i);
  }
  return registers;
}

}  // namespace trapline::arch
