#include "core/telescope.hpp"

#include <gtest/gtest.h>

#include "core/memory_text.hpp"
#include "fake_memory.hpp"

namespace trapline::core {
namespace {

/// Pages of which the first is data, the second code and the third is mapped but cannot be read.
class World {
 public:
  World() { memory_.make_hole(2); }

  FakeMemory& memory() { return memory_; }
  void point(std::size_t from, std::size_t to) { memory_.put_value<std::uint64_t>(from, base + to); }
  Telescope telescope(std::size_t offset, const TelescopeOptions& options = {}, std::size_t pointer_size = 8) const {
    const auto map_at = [](Address at) -> std::optional<MemoryMap> {
      if (at < base || at >= base + 3 * page) return std::nullopt;
      const Address start = at / page * page;
      return MemoryMap{.start = start, .end = start + page, .readable = true, .executable = start == base + page};
    };
    const auto symbol_at = [](Address at) -> std::optional<Symbol> {
      if (at / page * page != base + page) return std::nullopt;
      return Symbol{.name = "function", .address = base + page, .size = page, .module = "program"};
    };
    return follow_pointers(base + offset,
                           {.read = memory_, .map_at = map_at, .symbol_at = symbol_at, .pointer_size = pointer_size},
                           options);
  }

 private:
  FakeMemory memory_{3 * page};
};

TEST(TelescopeOf, AChainToAText) {
  World world;
  world.point(0, 16);
  world.point(16, 64);
  world.memory().put(64, "some text, \xc3\xa9\tand more");
  const Telescope found = world.telescope(0);
  EXPECT_EQ(found.end, TelescopeEnd::string);
  ASSERT_EQ(found.links.size(), 3U);
  EXPECT_EQ(found.links[0].address, base);
  EXPECT_EQ(found.links[0].value, base + 16);
  EXPECT_EQ(found.links[2].address, base + 64);
  EXPECT_EQ(found.links[2].string, "some text, \xc3\xa9\tand more");
  EXPECT_EQ(found.links[1].string, std::nullopt);
}

TEST(TelescopeOf, AChainIntoCode) {
  World world;
  world.point(0, page + 8);
  world.point(page + 8, 0);
  const Telescope found = world.telescope(0);
  EXPECT_EQ(found.end, TelescopeEnd::code);
  ASSERT_EQ(found.links.size(), 2U) << "instructions are no pointers";
  EXPECT_EQ(found.links[1].symbol->name, "function");
}

TEST(TelescopeOf, Loops) {
  World world;
  world.point(0, 8);
  world.point(8, 16);
  world.point(16, 8);
  world.point(24, 24);
  EXPECT_EQ(world.telescope(0).end, TelescopeEnd::loop);
  EXPECT_EQ(world.telescope(0).links.size(), 3U);
  EXPECT_EQ(world.telescope(24).end, TelescopeEnd::loop);
  EXPECT_EQ(world.telescope(24).links.size(), 1U);
}

TEST(TelescopeOf, AsFarAsItIsAllowed) {
  World world;
  for (std::size_t i = 0; i < 100; ++i) world.point(i * 8, i * 8 + 8);
  EXPECT_EQ(world.telescope(0).links.size(), 10U);
  EXPECT_EQ(world.telescope(0).end, TelescopeEnd::depth);
  EXPECT_EQ(world.telescope(0, {.max_depth = 1}).links.size(), 1U);
  EXPECT_EQ(world.telescope(0, {.max_depth = 200}).links.size(), 101U);
  EXPECT_EQ(world.telescope(0, {.max_depth = 101}).end, TelescopeEnd::value) << "the last is 0";
}

TEST(TelescopeOf, WhatIsNoPointer) {
  World world;
  world.memory().put_value<std::uint64_t>(0, 4711);
  EXPECT_EQ(world.telescope(0).end, TelescopeEnd::value);
  EXPECT_EQ(world.telescope(0).links[0].value, 4711U);
  world.point(8, 2 * page);
  const Telescope unreadable = world.telescope(8);
  EXPECT_EQ(unreadable.end, TelescopeEnd::value);
  EXPECT_EQ(unreadable.links.size(), 1U);
  EXPECT_TRUE(world.telescope(2 * page).links.empty());
  EXPECT_TRUE(world.telescope(5 * page).links.empty());
}

TEST(TelescopeOf, WordsAtTheEndOfWhatIsReadable) {
  World world;
  world.memory().put(2 * page - 3, "abc");
  const Telescope found = world.telescope(2 * page - 3);
  EXPECT_EQ(found.links[0].value, 0x636261U);
  world.memory().make_hole(1);
  world.memory().put(page - 5, "abcde");
  EXPECT_EQ(world.telescope(page - 5).links[0].string, "abcde");
}

TEST(TelescopeOf, TextsAreLongEnoughAndEnd) {
  World world;
  world.memory().put(0, "abc");
  EXPECT_EQ(world.telescope(0).end, TelescopeEnd::value);
  EXPECT_EQ(world.telescope(0, {.min_string = 3}).links[0].string, "abc");
  EXPECT_EQ(world.telescope(100, {.min_string = 0}).end, TelescopeEnd::value) << "no text at all is none";
  world.memory().put(200, "text that\x01 goes on");
  EXPECT_EQ(world.telescope(200).links[0].string, std::nullopt);
  world.memory().put(300, std::string(500, 'x'));
  EXPECT_EQ(world.telescope(300).links[0].string->size(), 256U);
  EXPECT_EQ(world.telescope(300, {.max_string = 10}).links[0].string, std::string(10, 'x'));
  world.memory().put(1000, "\xe2\x82\xac\xe2\x82\xac");
  EXPECT_EQ(world.telescope(1000, {.min_string = 1, .max_string = 5}).links[0].string, "\xe2\x82\xac")
      << "no half ones";
}

TEST(TelescopeOf, ThirtyTwoBitWords) {
  World world;
  world.memory().put_value<std::uint32_t>(0, 0x1234);
  world.memory().put_value<std::uint32_t>(4, 0xffff'ffff);
  EXPECT_EQ(world.telescope(0, {}, 4).links[0].value, 0x1234U);
}

TEST(PrintablePrefix, IsWholeCharacters) {
  const auto prefix = [](std::string_view text) { return printable_prefix(support::as_bytes(text)); };
  EXPECT_EQ(prefix("plain\n"), 6U);
  EXPECT_EQ(prefix("a\x7f"), 1U);
  EXPECT_EQ(prefix("a\xc3"), 1U);
  EXPECT_EQ(prefix("a\xc3\xa4z"), 4U);
  EXPECT_EQ(prefix("\xc0\xaf"), 0U);
  EXPECT_EQ(prefix("\xf0\x9f\x98\x80"), 4U);
  EXPECT_EQ(prefix("\xf8\x80\x80\x80"), 0U);
  EXPECT_EQ(prefix("\x80"), 0U);
}

}  // namespace
}  // namespace trapline::core
