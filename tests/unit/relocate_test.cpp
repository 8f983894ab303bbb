#include "arch/relocate.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "hex_bytes.hpp"
#include "support/bytes.hpp"

namespace trapline::arch {
namespace {

constexpr Address here = 0x7f0000401000;
constexpr Address far_slot = 0x10000;

std::optional<SlotCode> relocated(Arch arch, const char* code, Address at, Address slot) {
  return relocate(Decoder(arch).plan(hex_bytes(code), at), arch, at, slot);
}

std::string code_of(const SlotCode& slot) { return support::to_hex(std::span(slot.bytes).first(slot.size)); }

std::string hex(const char* text) { return support::to_hex(hex_bytes(text)); }

/// As little-endian bytes.
std::string quad(Address value) { return support::to_hex(support::bytes_of(value)); }

using Places = std::vector<std::pair<unsigned, Address>>;

Places places_of(const SlotCode& slot) {
  Places places;
  for (std::size_t i = 0; i < slot.place_count; ++i) places.emplace_back(slot.places[i].offset, slot.places[i].pc);
  return places;
}

TEST(Relocate, an_ordinary_one_is_followed_by_a_jump) {
  const auto slot = relocated(Arch::amd64, "48 89 e5", here, far_slot);
  EXPECT_EQ(code_of(*slot), hex("48 89 e5 ff 25 00 00 00 00") + quad(here + 3));
  EXPECT_EQ(places_of(*slot), (Places{{0, here}, {3, here + 3}}));
}

TEST(Relocate, of_the_greatest_length) {
  const char* code = "66 66 66 66 66 66 2e 0f 1f 84 00 00 00 00 00";
  const auto slot = relocated(Arch::amd64, code, here, far_slot);
  EXPECT_EQ(code_of(*slot), hex(code) + hex("ff 25 00 00 00 00") + quad(here + 15));
}

TEST(Relocate, operands_relative_to_the_pc_still_name_the_same_address) {
  const auto slot = relocated(Arch::amd64, "48 c7 05 00 01 00 00 11 22 33 44", here, here + 0x1000);
  EXPECT_EQ(code_of(*slot), hex("48 c7 05 00 f1 ff ff 11 22 33 44 ff 25 00 00 00 00") + quad(here + 11));
  const auto vector = relocated(Arch::amd64, "62 f1 7c 48 6f 05 00 01 00 00", here, here - 0x1000);
  EXPECT_EQ(code_of(*vector).substr(0, 20), hex("62 f1 7c 48 6f 05 00 11 00 00"));
  const auto three = relocated(Arch::amd64, "66 0f 3a 0f 05 00 01 00 00 07", here, here + 0x10);
  EXPECT_EQ(code_of(*three).substr(0, 20), hex("66 0f 3a 0f 05 f0 00 00 00 07"));
  const auto jump = relocated(Arch::amd64, "f2 ff 25 00 01 00 00", here, here + 0x10);
  EXPECT_EQ(code_of(*jump), hex("f2 ff 25 f0 00 00 00"));
}

TEST(Relocate, reaches_two_gigabytes_and_no_further) {
  const char* code = "8b 05 00 00 00 00";
  EXPECT_TRUE(relocated(Arch::amd64, code, here, here + 0x80000000));
  EXPECT_FALSE(relocated(Arch::amd64, code, here, here + 0x80000001));
  EXPECT_TRUE(relocated(Arch::amd64, code, here, here - 0x7fffffff));
  EXPECT_FALSE(relocated(Arch::amd64, code, here, here - 0x80000000));
  EXPECT_FALSE(relocated(Arch::amd64, "8b 05 ff ff ff 7f", here, here - 1));
  EXPECT_FALSE(relocated(Arch::amd64, code, here, far_slot));
  // In 32-bit code the same bytes name an absolute address.
  EXPECT_TRUE(relocated(Arch::i386, code, 0xffff0000, far_slot));
}

TEST(Relocate, indirect_jumps_and_returns_stand_alone) {
  for (const char* code : {"ff e0", "3e ff e0", "ff 24 c5 00 00 00 00", "c3", "f3 c3", "c2 08 00"}) {
    const auto slot = relocated(Arch::amd64, code, here, far_slot);
    EXPECT_EQ(code_of(*slot), hex(code)) << code;
    EXPECT_EQ(places_of(*slot), (Places{{0, here}})) << code;
  }
}

TEST(Relocate, a_call_pushes_where_it_would_return) {
  const auto slot = relocated(Arch::amd64, "e8 00 01 00 00", here, far_slot);
  EXPECT_EQ(code_of(*slot), hex("ff 35 06 00 00 00 ff 25 08 00 00 00") + quad(here + 5) + quad(here + 0x105));
  EXPECT_EQ(places_of(*slot), (Places{{0, here}, {6, here + 0x105}}));
  const auto narrow = relocated(Arch::i386, "e8 00 01 00 00", 0x8049000, far_slot);
  EXPECT_EQ(code_of(*narrow), hex("68 05 90 04 08 e9 fb 90 03 08"));
  EXPECT_EQ(places_of(*narrow), (Places{{0, 0x8049000}, {5, 0x8049105}}));
}

TEST(Relocate, branches_lead_to_both_sides) {
  const auto slot = relocated(Arch::amd64, "0f 84 00 01 00 00", here, far_slot);
  EXPECT_EQ(code_of(*slot), hex("74 06 ff 25 06 00 00 00 ff 25 08 00 00 00") + quad(here + 6) + quad(here + 0x106));
  EXPECT_EQ(places_of(*slot), (Places{{0, here}, {2, here + 6}, {8, here + 0x106}}));
  const auto counted = relocated(Arch::amd64, "67 e2 fd", here, far_slot);
  EXPECT_EQ(code_of(*counted), hex("67 e2 06 ff 25 06 00 00 00 ff 25 08 00 00 00") + quad(here + 3) + quad(here));
  EXPECT_EQ(places_of(*counted), (Places{{0, here}, {3, here + 3}, {9, here}}));
  const auto narrow = relocated(Arch::i386, "75 10", 0xffff0000, 0x1000);
  EXPECT_EQ(code_of(*narrow), hex("75 05 e9 fb ef fe ff e9 06 f0 fe ff"));
  EXPECT_EQ(places_of(*narrow), (Places{{0, 0xffff0000}, {2, 0xffff0002}, {7, 0xffff0012}}));
}

TEST(Relocate, a_direct_jump_leads_where_it_led) {
  const auto slot = relocated(Arch::amd64, "eb fe", here, far_slot);
  EXPECT_EQ(code_of(*slot), hex("ff 25 00 00 00 00") + quad(here));
}

TEST(Relocate, calls_of_the_kernel_and_repeated_ones_are_copied) {
  for (const char* code : {"0f 05", "cd 80", "0f 34", "f3 a4"}) {
    const auto slot = relocated(Arch::amd64, code, here, far_slot);
    EXPECT_EQ(code_of(*slot), hex(code) + hex("ff 25 00 00 00 00") + quad(here + 2)) << code;
  }
}

TEST(Relocate, what_is_not_relocatable_is_none) {
  for (const char* code : {"ff d0", "cc", "48 cf", "cb", "c7 f8 00 00 00 00", "d9 ee", "06", ""})
    EXPECT_FALSE(relocated(Arch::amd64, code, here, far_slot)) << code;
  EXPECT_FALSE(relocated(Arch::aarch64, "1f 20 03 d5", here, far_slot));
}

}  // namespace
}  // namespace trapline::arch
