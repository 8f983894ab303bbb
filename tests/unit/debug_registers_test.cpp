#include "arch/debug_registers.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace trapline::arch {
namespace {

using Access = DebugAccess;

TEST(DebugRegisters, empty_slots_are_zero) { EXPECT_EQ(encode_debug_slots({}), DebugRegisters{}); }

TEST(DebugRegisters, one_slot_of_each_kind) {
  struct Case {
    DebugSlot slot;
    std::uint64_t field;
  };
  const Case cases[] = {
      {{0x1003, Access::execute, 1}, 0b0000},    {{0x1003, Access::execute, 8}, 0b0000},
      {{0x1003, Access::write, 1}, 0b0001},      {{0x1002, Access::write, 2}, 0b0101},
      {{0x1004, Access::write, 4}, 0b1101},      {{0x1008, Access::write, 8}, 0b1001},
      {{0x1003, Access::read_write, 1}, 0b0011}, {{0x1002, Access::read_write, 2}, 0b0111},
      {{0x1004, Access::read_write, 4}, 0b1111}, {{0x1008, Access::read_write, 8}, 0b1011},
  };
  for (const Case& one : cases) {
    for (std::size_t i = 0; i < debug_slot_count; ++i) {
      DebugSlots slots;
      slots[i] = one.slot;
      const DebugRegisters registers = encode_debug_slots(slots);
      EXPECT_EQ(registers[debug_control], (1U << 2 * i) | one.field << (16 + 4 * i)) << "slot " << i;
      for (std::size_t j = 0; j < debug_control; ++j) EXPECT_EQ(registers[j], i == j ? one.slot.address : 0);
    }
  }
}

TEST(DebugRegisters, four_slots) {
  const DebugSlots slots{DebugSlot{0x401000, Access::execute, 1}, DebugSlot{0x7ffc00000008, Access::write, 8},
                         DebugSlot{0x5000, Access::read_write, 4}, DebugSlot{0x6001, Access::write, 1}};
  EXPECT_EQ(encode_debug_slots(slots), (DebugRegisters{0x401000, 0x7ffc00000008, 0x5000, 0x6001, 0, 0, 0, 0x1f900055}));
}

TEST(DebugRegisters, status_tells_which_slots_fired) {
  // The upper bits that are always set, a step, and slots 1 and 3.
  constexpr std::uint64_t status = 0xffff4ffa;
  EXPECT_FALSE(debug_slot_fired(status, 0));
  EXPECT_TRUE(debug_slot_fired(status, 1));
  EXPECT_FALSE(debug_slot_fired(status, 2));
  EXPECT_TRUE(debug_slot_fired(status, 3));
  EXPECT_TRUE(any_debug_slot_fired(status));
  EXPECT_FALSE(any_debug_slot_fired(0xffff4ff0)) << "a step alone";
}

TEST(DebugRegisters, lengths_are_those_of_the_architecture) {
  const auto allowed = [](Arch arch, std::size_t length) {
    return debug_slot_fault(arch, {0x1000, Access::write, length}).empty();
  };
  for (const std::size_t length : {1U, 2U, 4U}) {
    EXPECT_TRUE(allowed(Arch::amd64, length));
    EXPECT_TRUE(allowed(Arch::i386, length));
  }
  EXPECT_TRUE(allowed(Arch::amd64, 8));
  EXPECT_FALSE(allowed(Arch::i386, 8));
  for (const std::size_t length : {0U, 3U, 5U, 6U, 7U, 9U, 16U}) EXPECT_FALSE(allowed(Arch::amd64, length)) << length;
}

TEST(DebugRegisters, a_fault_says_what_is_allowed) {
  EXPECT_EQ(debug_slot_fault(Arch::amd64, {0x1000, Access::write, 3}),
            "a watchpoint cannot cover 3 bytes: it covers 1, 2, 4 or 8");
  EXPECT_EQ(debug_slot_fault(Arch::i386, {0x1000, Access::write, 8}),
            "a watchpoint cannot cover 8 bytes: it covers 1, 2 or 4");
  EXPECT_EQ(debug_slot_fault(Arch::amd64, {0x100c, Access::read_write, 8}),
            "a watchpoint of 8 bytes at 0x100c is not aligned: its address must be a multiple of 8, such as 0x1008");
  EXPECT_EQ(debug_slot_fault(Arch::amd64, {0xffffffff81000000, Access::execute, 1}),
            "0xffffffff81000000 is no address of a program");
}

TEST(DebugRegisters, alignment_is_that_of_the_length) {
  for (const std::size_t length : watch_lengths(Arch::amd64)) {
    for (Address address = 0x1000; address < 0x1010; ++address) {
      EXPECT_EQ(debug_slot_fault(Arch::amd64, {address, Access::write, length}).empty(), address % length == 0);
      EXPECT_EQ(debug_slot_fault(Arch::amd64, {address, Access::execute, length}), "");
    }
  }
}

}  // namespace
}  // namespace trapline::arch
