#include "core/byte_pattern.hpp"

#include <gtest/gtest.h>

#include <random>

#include <trapline/error.hpp>

#include "fake_memory.hpp"

namespace trapline::core {
namespace {

std::vector<Address> find_hex(const FakeMemory& memory, std::string_view text, const FindOptions& options = {}) {
  return memory.find(std::shared_ptr<const Matcher>(parse_hex_pattern(text)), options);
}

TEST(HexPattern, FindsWhatReverseEngineersWrite) {
  FakeMemory memory(page);
  memory.put(100, "\x48\x8b\x11\x05\x4f");
  memory.put(200, "\x48\x8b\x99\x05\x4e");
  memory.put(300, "\x48\x8b\x99\x06");
  const std::vector<Address> both = {base + 100, base + 200};
  for (const char* text :
       {"48 8b ?? 05", "488b??05", "48 8B ? 05", " 48  8b\t??\n05 ", "4? 8b ?? 0?4?", "48 ?b ?? ?5"}) {
    EXPECT_EQ(find_hex(memory, text), both) << text;
  }
  EXPECT_EQ(find_hex(memory, "48 8b ?? 05 ?f"), std::vector<Address>{base + 100});
  EXPECT_EQ(find_hex(memory, "?? 48 8b 99"), (std::vector<Address>{base + 199, base + 299}))
      << "what may be any counts";
  EXPECT_EQ(find_hex(memory, "48 8b 99 0?"), (std::vector<Address>{base + 200, base + 300}));
}

TEST(HexPattern, RefusesWhatIsNone) {
  for (const char* text : {"", " ", "4", "48 8", "48 8 05", "zz", "48,8b", "??", "?? ??", "?", "0x48"}) {
    EXPECT_THROW(static_cast<void>(parse_hex_pattern(text)), UsageError) << text;
  }
}

TEST(BytePattern, RefusesMasksThatDoNotFit) {
  const Bytes two(2, std::byte{1});
  EXPECT_THROW(BytePattern(two, Bytes(1, std::byte{1})), UsageError);
  EXPECT_THROW(BytePattern(two, Bytes(2)), UsageError);
  EXPECT_THROW(BytePattern({}, {}), UsageError);
}

TEST(BytePattern, AtTheEndsOfWhatIsReadable) {
  FakeMemory memory(3 * page);
  memory.make_hole(1);
  memory.put(page - 2, "ab");
  memory.put(2 * page, "ab");
  memory.put(3 * page - 2, "ab");
  EXPECT_EQ(find_hex(memory, "61 ?2"), (std::vector<Address>{base + page - 2, base + 2 * page, base + 3 * page - 2}));
  EXPECT_EQ(find_hex(memory, "61 62 ??"), std::vector<Address>{base + 2 * page}) << "all of it must be readable";
}

TEST(BytePattern, AgreesWithTryingEveryPlace) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    const std::size_t size = round % 10 == 0 ? piece + random() % 9000 : 1 + random() % (3 * page);
    FakeMemory memory(size);
    const auto letters = 2 + random() % 5;
    for (std::size_t i = 0; i < size; ++i) memory.data()[i] = static_cast<std::byte>(random() % letters * 17);
    if (size > 2 * page && random() % 2 == 0) memory.make_hole(1);
    const std::size_t length = 1 + random() % std::min<std::size_t>(size, 20);
    const std::size_t from = random() % (size - length + 1);
    Bytes pattern(memory.data() + from, memory.data() + from + length);
    Bytes mask(length, std::byte{0xff});
    for (std::byte& bits : mask) {
      if (random() % 3 == 0) bits = static_cast<std::byte>(random() % 4 == 0 ? random() : random() % 2 == 0 ? 0xf0 : 0);
    }
    if (std::ranges::all_of(mask, [](std::byte bits) { return bits == std::byte{0}; })) mask[0] = std::byte{1};
    ASSERT_EQ(memory.find(std::make_shared<BytePattern>(pattern, mask)), memory.find_slowly(pattern, mask)) << round;
    ASSERT_EQ(memory.find(pattern), memory.find_slowly(pattern)) << round;

    // The same by the code of processors without AVX2.
    const auto matcher = std::make_shared<BytePattern>(pattern, mask);
    MatchSink quick(1, SIZE_MAX);
    MatchSink portable(1, SIZE_MAX);
    const Window window{.bytes = memory.bytes(), .origin = base, .last = round % 2 == 0, .range_start = base};
    ASSERT_EQ(matcher->scan(window, 0, quick), matcher->scan_portably(window, 0, portable)) << round;
    ASSERT_EQ(quick.matches(), portable.matches()) << round;
  }
}

TEST(BytePattern, AlignedHitsAreThoseOfAllThatAreAligned) {
  std::mt19937 random(3);
  FakeMemory memory(piece + 3 * page);
  for (std::size_t i = 0; i < piece + 3 * page; ++i) memory.data()[i] = static_cast<std::byte>(random() % 2);
  memory.make_hole(3);
  const std::string_view pattern("\0\1\0\1", 4);
  const auto all = memory.find(pattern);
  for (const std::size_t alignment : {2U, 3U, 4U, 8U, 24U, 64U, 128U, 4096U}) {
    auto aligned = all;
    std::erase_if(aligned, [&](Address address) { return address % alignment != 0; });
    EXPECT_EQ(memory.find(pattern, {.alignment = alignment}), aligned) << alignment;
  }
}

}  // namespace
}  // namespace trapline::core
