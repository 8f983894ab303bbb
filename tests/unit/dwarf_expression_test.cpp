#include "symbols/dwarf_expression.hpp"

#include <dwarf.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace trapline::symbols {
namespace {

using Ops = std::vector<Dwarf_Op>;
using Value = std::optional<std::uint64_t>;

Dwarf_Op op(int atom, std::int64_t number = 0, std::int64_t number2 = 0) {
  return {static_cast<std::uint8_t>(atom), static_cast<Dwarf_Word>(number), static_cast<Dwarf_Word>(number2), 0};
}

/// Reads as its address everywhere below 0x10000.
constexpr auto read_address = [](Address address, std::span<std::byte> into) {
  if (address >= 0x10000) return false;
  for (std::size_t i = 0; i < into.size(); ++i) into[i] = static_cast<std::byte>(i < 8 ? address >> (8 * i) : 0);
  return true;
};

Value value_of(const Ops& ops, Arch arch = Arch::amd64, std::optional<Address> cfa = {}) {
  FrameRegisters registers;
  registers.set(3, 0x30);
  registers.set(7, 0x1000);
  return evaluate({.abi = *frame_abi(arch), .registers = registers, .read = read_address, .bias = 0x100, .cfa = cfa},
                  ops);
}

Value place_of(const Ops& ops, std::optional<Address> cfa = {}) {
  FrameRegisters registers;
  registers.set(3, 0x30);
  return evaluate_place({.abi = *frame_abi(Arch::amd64), .registers = registers, .read = read_address, .cfa = cfa},
                        ops);
}

TEST(DwarfExpression, RegistersAndConstants) {
  EXPECT_EQ(value_of({op(DW_OP_lit31)}), 31U);
  EXPECT_EQ(value_of({op(DW_OP_const1s, -2)}), ~Address{1});
  EXPECT_EQ(value_of({op(DW_OP_addr, 0x20)}), 0x120U) << "addresses in the file are relocated";
  EXPECT_EQ(value_of({op(DW_OP_breg7, -8)}), 0xff8U);
  EXPECT_EQ(value_of({op(DW_OP_bregx, 7, 16)}), 0x1010U);
  EXPECT_EQ(value_of({op(DW_OP_bregx, 4, 16)}), std::nullopt) << "an unknown register";
  EXPECT_EQ(value_of({op(DW_OP_bregx, 99, 16)}), std::nullopt);
  EXPECT_EQ(value_of({op(DW_OP_call_frame_cfa), op(DW_OP_plus_uconst, -8)}, Arch::amd64, 0x50), 0x48U);
  EXPECT_EQ(value_of({op(DW_OP_call_frame_cfa)}), std::nullopt);
  EXPECT_EQ(value_of({}), std::nullopt);
}

TEST(DwarfExpression, TheStack) {
  const Ops three{op(DW_OP_lit1), op(DW_OP_lit2), op(DW_OP_lit3)};
  const auto with = [&](Ops more) {
    Ops ops = three;
    ops.insert(ops.end(), more.begin(), more.end());
    return value_of(ops);
  };
  EXPECT_EQ(with({op(DW_OP_drop)}), 2U);
  EXPECT_EQ(with({op(DW_OP_over)}), 2U);
  EXPECT_EQ(with({op(DW_OP_pick, 2)}), 1U);
  EXPECT_EQ(with({op(DW_OP_pick, 3)}), std::nullopt);
  EXPECT_EQ(with({op(DW_OP_swap)}), 2U);
  EXPECT_EQ(with({op(DW_OP_rot)}), 2U);
  EXPECT_EQ(with({op(DW_OP_rot), op(DW_OP_drop)}), 1U);
  EXPECT_EQ(with({op(DW_OP_dup), op(DW_OP_plus)}), 6U);
  EXPECT_EQ(value_of({op(DW_OP_lit1), op(DW_OP_swap)}), std::nullopt);
  EXPECT_EQ(value_of({op(DW_OP_lit1), op(DW_OP_plus)}), std::nullopt);
}

TEST(DwarfExpression, Arithmetic) {
  const auto of = [](std::int64_t left, std::int64_t right, int atom, Arch arch = Arch::amd64) {
    return value_of({op(DW_OP_consts, left), op(DW_OP_consts, right), op(atom)}, arch);
  };
  EXPECT_EQ(of(7, 3, DW_OP_minus), 4U);
  EXPECT_EQ(of(7, 3, DW_OP_mod), 1U);
  EXPECT_EQ(of(-7, 2, DW_OP_div), static_cast<std::uint64_t>(-3));
  EXPECT_EQ(of(-7, 2, DW_OP_div, Arch::i386), 0xfffffffdU);
  EXPECT_EQ(of(1, 0, DW_OP_div), std::nullopt);
  EXPECT_EQ(of(1, 0, DW_OP_mod), std::nullopt);
  EXPECT_EQ(of(std::numeric_limits<std::int64_t>::min(), -1, DW_OP_div), std::nullopt);
  EXPECT_EQ(of(1, 64, DW_OP_shl), 0U);
  EXPECT_EQ(of(-8, 1, DW_OP_shra), static_cast<std::uint64_t>(-4));
  EXPECT_EQ(of(-1, 1, DW_OP_lt), 1U);
  EXPECT_EQ(of(6, 3, DW_OP_and), 2U);
  EXPECT_EQ(of(6, 3, DW_OP_or), 7U);
  EXPECT_EQ(of(6, 3, DW_OP_xor), 5U);
  EXPECT_EQ(value_of({op(DW_OP_lit3), op(DW_OP_neg), op(DW_OP_abs)}), 3U);
}

TEST(DwarfExpression, ThatOfThePltStubsOfGnuLd) {
  // rsp + 8 + (((rip & 15) >= 11) << 3), here with other registers.
  const auto of = [](std::int64_t offset) {
    return value_of({op(DW_OP_breg7, 8), op(DW_OP_breg3, offset), op(DW_OP_lit15), op(DW_OP_and), op(DW_OP_lit11),
                     op(DW_OP_ge), op(DW_OP_lit3), op(DW_OP_shl), op(DW_OP_plus)});
  };
  EXPECT_EQ(of(10), 0x1008U);
  EXPECT_EQ(of(11), 0x1010U);
}

TEST(DwarfExpression, Memory) {
  EXPECT_EQ(value_of({op(DW_OP_const2u, 0x1234), op(DW_OP_deref)}), 0x1234U);
  EXPECT_EQ(value_of({op(DW_OP_const2u, 0x1234), op(DW_OP_deref_size, 1)}), 0x34U);
  EXPECT_EQ(value_of({op(DW_OP_const2u, 0x1234), op(DW_OP_deref_size, 9)}), std::nullopt);
  EXPECT_EQ(value_of({op(DW_OP_const4u, 0x123456), op(DW_OP_deref)}), std::nullopt) << "unreadable";
}

TEST(DwarfExpression, JumpsEnd) {
  Ops loop{op(DW_OP_lit1), op(DW_OP_skip, -4)};
  loop[1].offset = 1;
  EXPECT_EQ(value_of(loop), std::nullopt);
  Ops over{op(DW_OP_lit1), op(DW_OP_bra, 1), op(DW_OP_lit2), op(DW_OP_lit3)};
  over[1].offset = 1;
  over[2].offset = 4;
  over[3].offset = 5;
  EXPECT_EQ(value_of(over), 3U);
  over[0].atom = DW_OP_lit0;
  over.back() = op(DW_OP_nop);
  over.back().offset = 5;
  EXPECT_EQ(value_of(over), 2U);
  over[1].number = 77;
  over[0].atom = DW_OP_lit1;
  EXPECT_EQ(value_of(over), std::nullopt) << "nothing is left on the stack behind the end";
  EXPECT_EQ(value_of({op(DW_OP_lit1), op(DW_OP_call4)}), std::nullopt) << "not allowed in call frame information";
}

TEST(DwarfExpression, Places) {
  EXPECT_EQ(place_of({op(DW_OP_reg3)}), 0x30U);
  EXPECT_EQ(place_of({op(DW_OP_regx, 3)}), 0x30U);
  EXPECT_EQ(place_of({op(DW_OP_regx, 4)}), std::nullopt);
  EXPECT_EQ(place_of({op(DW_OP_call_frame_cfa), op(DW_OP_plus_uconst, 8)}, 0x100), 0x108U);
  EXPECT_EQ(place_of({op(DW_OP_call_frame_cfa), op(DW_OP_stack_value)}, 0x90000), 0x90000U) << "not read";
  EXPECT_EQ(place_of({op(DW_OP_call_frame_cfa)}, 0x90000), std::nullopt);
}

}  // namespace
}  // namespace trapline::symbols
