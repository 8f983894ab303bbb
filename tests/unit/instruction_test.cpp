#include "arch/instruction.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "hex_bytes.hpp"

namespace trapline::arch {
namespace {

constexpr Address here = 0x401000;

struct Case {
  const char* code;
  std::size_t length;
  Flow flow;
  std::optional<Address> target{};
};

void expect_decoded(Arch arch, const std::vector<Case>& cases) {
  const Decoder decoder(arch);
  for (const Case& expected : cases) {
    SCOPED_TRACE(expected.code);
    const auto found = decoder.decode(hex_bytes(expected.code), here);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->length, expected.length);
    EXPECT_EQ(found->flow, expected.flow);
    EXPECT_EQ(found->target, expected.target);
  }
}

TEST(Instruction, lengths_flows_and_targets) {
  expect_decoded(Arch::amd64, {{"55", 1, Flow::next},
                               {"48 89 e5", 3, Flow::next},
                               {"f3 0f 1e fa", 4, Flow::next},
                               {"66 2e 0f 1f 84 00 00 00 00 00", 10, Flow::next},
                               {"48 b8 11 22 33 44 55 66 77 88", 10, Flow::next},
                               {"48 c7 84 d8 00 01 00 00 11 22 33 44", 12, Flow::next},
                               {"a0 11 22 33 44 55 66 77 88", 9, Flow::next},
                               {"66 c7 00 11 22", 5, Flow::next},
                               {"f6 c1 01", 3, Flow::next},
                               {"f7 d1", 2, Flow::next},
                               {"c8 10 00 01", 4, Flow::next},
                               {"eb fe", 2, Flow::jump, here},
                               {"e9 00 01 00 00", 5, Flow::jump, here + 0x105},
                               {"ff e0", 2, Flow::jump},
                               {"3e ff e0", 3, Flow::jump},
                               {"f2 ff 25 a1 00 00 00", 7, Flow::jump},
                               {"74 10", 2, Flow::branch, here + 0x12},
                               {"2e 0f 85 00 ff ff ff", 7, Flow::branch, here + 7 - 0x100},
                               {"e3 10", 2, Flow::branch, here + 0x12},
                               {"67 e3 10", 3, Flow::branch, here + 0x13},
                               {"e2 fe", 2, Flow::branch, here},
                               {"e8 00 00 00 00", 5, Flow::call, here + 5},
                               {"67 e8 00 00 00 00", 6, Flow::call, here + 6},
                               {"66 66 48 e8 10 00 00 00", 8, Flow::call, here + 0x18},
                               {"66 48 ff 15 10 00 00 00", 8, Flow::call},
                               {"3e ff d0", 3, Flow::call},
                               {"ff 54 24 08", 4, Flow::call},
                               {"c3", 1, Flow::ret},
                               {"f3 c3", 2, Flow::ret},
                               {"c2 08 00", 3, Flow::ret},
                               {"0f 05", 2, Flow::syscall},
                               {"0f 34", 2, Flow::syscall},
                               {"cd 80", 2, Flow::syscall},
                               {"cd 03", 2, Flow::trap},
                               {"cc", 1, Flow::trap},
                               {"f1", 1, Flow::trap},
                               {"f4", 1, Flow::trap},
                               {"0f 0b", 2, Flow::trap},
                               {"48 cf", 2, Flow::other},
                               {"cb", 1, Flow::other},
                               {"ff 2d 00 00 00 00", 6, Flow::other},
                               {"c7 f8 00 00 00 00", 6, Flow::other},
                               {"0f 01 d5", 3, Flow::other}});
}

TEST(Instruction, what_capstone_does_not_know_of_vectors_and_cet) {
  expect_decoded(Arch::amd64, {{"c5 f8 77", 3, Flow::next},
                               {"62 f1 7c 48 6f 05 a1 00 00 00", 10, Flow::next},  // vmovups zmm0, [rip + ...]
                               {"62 f1 7f 48 6f 46 01", 7, Flow::next},
                               {"62 f3 7d 48 3f c2 00", 7, Flow::next},
                               {"c4 e1 fb 93 c0", 5, Flow::next},
                               {"62 f5 7c 48 58 c1", 6, Flow::next},  // vaddph
                               {"f3 48 0f 1e c8", 5, Flow::next},     // rdsspq
                               {"f3 0f 01 e8", 4, Flow::next},        // setssbsy
                               {"66 48 0f 38 f6 c1", 6, Flow::next},
                               {"f3 48 0f 38 f6 c1", 6, Flow::next},
                               {"48 0f 38 f9 08", 5, Flow::next},
                               {"0f 0d 08", 3, Flow::next}});
}

TEST(Instruction, of_32_bit_code) {
  expect_decoded(Arch::i386, {{"40", 1, Flow::next},
                              {"60", 1, Flow::next},
                              {"c5 00", 2, Flow::next},  // lds
                              {"62 00", 2, Flow::next},  // bound
                              {"c5 f8 77", 3, Flow::next},
                              {"62 f1 7c 48 6f 00", 6, Flow::next},
                              {"67 8b 46 08", 4, Flow::next},
                              {"67 a1 10 20", 4, Flow::next},
                              {"ce", 1, Flow::trap},
                              {"65 ff 15 10 00 00 00", 7, Flow::call},
                              {"e8 00 00 00 00", 5, Flow::call, here + 5},
                              {"9a 11 22 33 44 55 66", 7, Flow::other}});
  const Decoder decoder(Arch::i386);
  EXPECT_EQ(decoder.decode(hex_bytes("eb 10"), 0xfffffff8)->target, Address{0xa});
}

TEST(Instruction, too_few_bytes_are_none) {
  for (const char* code : {"", "48", "e9", "e8 00 00 00", "48 b8 11 22 33 44 55 66 77", "66 66 66", "0f", "0f 38", "8b",
                           "8b 05 00 00 00", "8b 04", "8b 04 25 00 00 00", "c4 e2", "62 f1 7c", "62 f1 7c 48 6f", "c5",
                           "c7 00 11 22 33", "f6 c1", "f7 05 00 00 00 00 11"}) {
    EXPECT_FALSE(Decoder(Arch::amd64).decode(hex_bytes(code), here)) << code;
    EXPECT_EQ(Decoder(Arch::amd64).plan(hex_bytes(code), here).instruction.length, 0U) << code;
  }
}

TEST(Instruction, unknown_ones_are_none) {
  for (const char* code : {"06", "60", "82 c0 01", "d6", "ea 11 22 33 44 55 66", "0f ff c0", "0f 04",
                           "8f e8 78 a2 c1 00", "48 c5 f8 77", "66 c5 f8 77", "62 f4 7c 48 6f 00"})
    EXPECT_FALSE(Decoder(Arch::amd64).decode(hex_bytes(code), here)) << code;
}

TEST(Instruction, of_the_greatest_length) {
  const Decoder decoder(Arch::amd64);
  EXPECT_EQ(decoder.decode(hex_bytes("66 66 66 66 66 66 2e 0f 1f 84 00 00 00 00 00"), here)->length, 15U);
  EXPECT_FALSE(decoder.decode(hex_bytes("66 66 66 66 66 66 66 2e 0f 1f 84 00 00 00 00 00"), here));
  EXPECT_EQ(decoder.decode(hex_bytes("66 66 66 66 66 66 66 66 66 66 66 66 66 66 90"), here)->length, 15U);
  EXPECT_FALSE(decoder.decode(hex_bytes("66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90"), here));
}

TEST(Instruction, whose_length_depends_on_the_processor_is_none) {
  for (const char* code : {"66 e8 00 00 00 00", "66 e9 00 00 00 00", "66 0f 84 00 00 00 00"})
    EXPECT_FALSE(Decoder(Arch::amd64).decode(hex_bytes(code), here)) << code;
  const auto cut = Decoder(Arch::amd64).decode(hex_bytes("66 eb 10"), here);
  EXPECT_EQ(cut->flow, Flow::jump);
  EXPECT_FALSE(cut->target);
  EXPECT_EQ(Decoder(Arch::i386).decode(hex_bytes("66 e8 00 00"), here)->length, 4U);
}

TEST(Instruction, repeats_when_it_is_a_string_instruction) {
  const Decoder decoder(Arch::amd64);
  for (const char* code : {"f3 a4", "f3 48 ab", "f2 ae", "f3 66 a7", "f3 6c"})
    EXPECT_TRUE(decoder.decode(hex_bytes(code), here)->repeats) << code;
  for (const char* code : {"a4", "f3 90", "f3 c3", "f3 0f b8 c1", "f2 0f 10 c0"})
    EXPECT_FALSE(decoder.decode(hex_bytes(code), here)->repeats) << code;
}

TEST(Instruction, of_aarch64_is_not_told_apart_yet) {
  const TrapPlan plan = Decoder(Arch::aarch64).plan(hex_bytes("1f 20 03 d5 00 00"), here);
  EXPECT_EQ(plan.instruction.length, 4U);
  EXPECT_EQ(plan.instruction.flow, Flow::other);
  EXPECT_EQ(plan.bytes[3], std::byte{0xd5});
  EXPECT_FALSE(plan.moves_only_to || plan.emulation || plan.relocatable);
  EXPECT_EQ(Decoder(Arch::aarch64).plan(hex_bytes("1f 20 03"), here).instruction.length, 0U);
}

/// How a trap gets past it, as a word for each way: "moves emulated slot".
std::string ways(const Decoder& decoder, const char* code) {
  const TrapPlan plan = decoder.plan(hex_bytes(code), here);
  std::string text;
  if (plan.moves_only_to) text += "moves ";
  if (plan.emulation) text += "emulated ";
  if (plan.relocatable) text += "slot ";
  return text.empty() ? "step" : text.substr(0, text.size() - 1);
}

TEST(TrapPlan, moves_only_over_nops_and_direct_jumps) {
  const Decoder decoder(Arch::amd64);
  for (const char* code : {"90", "66 90", "48 90", "f3 90", "0f 1f 00", "66 0f 1f 44 00 00", "f3 0f 1e fa",
                           "f3 0f 1e fb", "66 2e 0f 1f 84 00 00 00 00 00"}) {
    const TrapPlan plan = decoder.plan(hex_bytes(code), here);
    EXPECT_EQ(plan.moves_only_to, here + plan.instruction.length) << code;
  }
  EXPECT_EQ(decoder.plan(hex_bytes("eb 10"), here).moves_only_to, here + 0x12);
  EXPECT_EQ(decoder.plan(hex_bytes("f2 e9 00 00 00 80"), here).moves_only_to, here + 6 - 0x80000000);
  // xchg r8d, eax; rdssp; lock nop; a jump that some processors cut to 16 bits
  EXPECT_EQ(ways(decoder, "41 90"), "slot");
  EXPECT_EQ(ways(decoder, "f3 48 0f 1e c8"), "slot");
  EXPECT_FALSE(decoder.plan(hex_bytes("f0 0f 1f 00"), here).moves_only_to);
  EXPECT_EQ(ways(decoder, "66 eb 10"), "step");
  EXPECT_EQ(Decoder(Arch::i386).plan(hex_bytes("eb 10"), 0xfffffff8).moves_only_to, Address{0xa});
}

TEST(TrapPlan, chooses_what_is_emulated) {
  const Decoder decoder(Arch::amd64);
  for (const char* code : {"55",
                           "41 57",
                           "5b",
                           "6a 01",
                           "68 00 01 00 00",
                           "66 50",
                           "ff 35 00 00 00 00",
                           "ff 74 24 08",
                           "48 89 e5",
                           "89 c8",
                           "b8 01 00 00 00",
                           "49 c7 c0 01 00 00 00",
                           "88 e0",
                           "48 8d 05 00 00 00 00",
                           "8d 44 8b 08",
                           "67 8d 00",
                           "48 83 ec 10",
                           "31 c0",
                           "38 c4",
                           "85 c0",
                           "a8 01",
                           "f6 c4 01",
                           "48 ff c0",
                           "fe cc",
                           "74 10",
                           "0f 8f 00 00 00 00",
                           "e8 00 00 00 00",
                           "c3",
                           "f3 c3",
                           "c2 08 00",
                           "c9",
                           "ff e0",
                           "3e ff e0",
                           "ff 25 00 00 00 00",
                           "0f b6 c4",
                           "48 63 c8",
                           "0f bf c1",
                           "64 ff 24 25 10 00 00 00"})
    EXPECT_TRUE(ways(decoder, code).starts_with("emulated slot")) << code << ": " << ways(decoder, code);
  for (const char* code : {"ff d0", "ff 15 00 00 00 00", "3e ff 54 24 08", "ff d4", "65 ff 14 25 10 00 00 00",
                           "66 48 ff 15 00 00 00 00", "67 ff 15 00 00 00 00"})
    EXPECT_EQ(ways(decoder, code), "emulated") << code;
  for (const char* code : {"11 c8", "8b 00", "48 89 04 24", "83 00 01", "48 ff 00", "0f af c1", "0f 44 c1", "0f 94 c0",
                           "e3 10", "f3 a4", "8f 00", "0f b6 00", "f0 48 ff 00", "9c"})
    EXPECT_EQ(ways(decoder, code), "slot") << code;
}

TEST(TrapPlan, steps_in_place_what_reads_the_pc_or_leaves_the_code) {
  const Decoder decoder(Arch::amd64);
  for (const char* code : {"cc",
                           "f1",
                           "f4",
                           "0f 0b",
                           "cd 03",
                           "48 cf",
                           "cb",
                           "ca 04 00",
                           "ff 2d 00 00 00 00",
                           "ff 1d 00 00 00 00",
                           "c7 f8 00 00 00 00",
                           "c6 f8 01",
                           "0f 01 d5",
                           "0f 01 d6",
                           "9d",
                           "d9 ee",
                           "d9 74 24 f4",
                           "dd d8",
                           "67 8b 05 00 00 00 00",
                           "f2 e1 10",
                           "f3 e0 10",
                           "0f 01 d7",
                           "66 74 10",
                           "66 ff d0",
                           "06"})
    EXPECT_EQ(ways(decoder, code), "step") << code;
  for (const char* code : {"d9 6c 24 08", "d9 7c 24 08", "df e0", "0f 01 d0", "0f 01 f9", "9b", "0f 05", "cd 80"})
    EXPECT_EQ(ways(decoder, code), "slot") << code;
}

TEST(TrapPlan, of_32_bit_code) {
  const Decoder decoder(Arch::i386);
  for (const char* code : {"40", "4f", "55", "89 e5", "83 ec 10", "e8 00 00 00 00", "ff e0", "c3", "c9", "8d 44 24 08"})
    EXPECT_EQ(ways(decoder, code), "emulated slot") << code;
  for (const char* code : {"ff d0", "ff 15 00 00 00 00"}) EXPECT_EQ(ways(decoder, code), "emulated") << code;
  for (const char* code : {"63 c8", "67 8d 46 08", "67 ff 26 00 10", "65 ff 25 10 00 00 00", "8b 05 00 00 00 00"})
    EXPECT_EQ(ways(decoder, code), "slot") << code;
  for (const char* code : {"65 ff 15 10 00 00 00", "66 e8 00 00", "9a 11 22 33 44 55 66", "66 74 10", "ce"})
    EXPECT_EQ(ways(decoder, code), "step") << code;
}

TEST(TrapPlan, keeps_the_instruction_alone) {
  const TrapPlan plan = Decoder(Arch::amd64).plan(hex_bytes("48 89 e5 c3 c3"), here);
  EXPECT_EQ(plan.bytes[2], std::byte{0xe5});
  EXPECT_EQ(plan.bytes[3], std::byte{0});
}

}  // namespace
}  // namespace trapline::arch
