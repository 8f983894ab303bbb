#include "core/memory_search.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include <trapline/error.hpp>

#include "core/regex_pattern.hpp"
#include "fake_memory.hpp"

namespace trapline::core {
namespace {

TEST(MemorySearch, AgreesWithTryingEveryPlace) {
  std::mt19937 random(7);
  // Few different bytes make many hits and many places where only the first and last byte fit.
  for (const int letters : {2, 3, 200}) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{63}, std::size_t{64}, page + 17, 2 * piece + 100}) {
      FakeMemory memory(size);
      for (std::size_t i = 0; i < size; ++i) {
        memory.data()[i] = static_cast<std::byte>(random() % static_cast<unsigned>(letters) + 100);
      }
      if (size > 3 * page) memory.make_hole(2);
      for (const std::size_t length : {1U, 2U, 3U, 8U, 13U, 40U}) {
        if (length > size) continue;
        const std::size_t from = random() % (size - length + 1);
        const Bytes pattern(memory.data() + from, memory.data() + from + length);
        EXPECT_EQ(memory.find(pattern), memory.find_slowly(pattern)) << letters << ' ' << size << ' ' << length;
      }
    }
  }
}

TEST(MemorySearch, SeesHitsAcrossPieces) {
  FakeMemory memory(3 * piece);
  std::vector<Address> expected;
  for (const std::size_t back : {1U, 4U, 7U}) {
    for (const std::size_t border : {piece, 2 * piece}) {
      FakeMemory one(3 * piece);
      one.put(border - back, "12345678");
      EXPECT_EQ(one.find("12345678"), std::vector<Address>{base + border - back});
    }
  }
}

TEST(MemorySearch, SeesPatternsLargerThanAPiece) {
  FakeMemory memory(4 * piece);
  std::mt19937 random(1);
  for (std::size_t i = 0; i < 4 * piece; ++i) memory.data()[i] = static_cast<std::byte>(random());
  const Bytes pattern(memory.data() + 1000, memory.data() + 1000 + 2 * piece + 5);
  EXPECT_EQ(memory.find(pattern), std::vector<Address>{base + 1000});
}

TEST(MemorySearch, SkipsPagesThatCannotBeRead) {
  FakeMemory memory(10 * page);
  memory.make_hole(0);
  memory.make_hole(3);
  memory.make_hole(4);
  memory.make_hole(9);
  for (std::size_t i = 0; i < 10; ++i) memory.put(i * page + 5, "needle");
  memory.put(3 * page - 3, "needle");
  std::vector<Address> expected;
  for (const std::size_t i : {1U, 2U, 5U, 6U, 7U, 8U}) expected.push_back(base + i * page + 5);
  EXPECT_EQ(memory.find("needle"), expected);
}

TEST(MemorySearch, FindsOverlappingHits) {
  FakeMemory memory(page);
  memory.put(100, "aaaaa");
  EXPECT_EQ(memory.find("aaa"), (std::vector<Address>{base + 100, base + 101, base + 102}));
}

TEST(MemorySearch, KeepsToAlignmentAndLimit) {
  FakeMemory memory(page);
  std::memset(memory.data(), 'x', page);
  EXPECT_EQ(memory.find("xxxx", {.alignment = 1024}),
            (std::vector<Address>{base, base + 1024, base + 2048, base + 3072}));
  EXPECT_EQ(memory.find("xxxx", {.alignment = 1024, .limit = 2}), (std::vector<Address>{base, base + 1024}));
  EXPECT_EQ(memory.find("xxxx", {.limit = 3}).size(), 3U);
  EXPECT_TRUE(memory.find("xxxx", {.limit = 0}).empty());
}

TEST(MemorySearch, RefusesWhatMakesNoSense) {
  FakeMemory memory(page);
  EXPECT_THROW(static_cast<void>(memory.find("")), UsageError);
  EXPECT_THROW(static_cast<void>(memory.find("x", {.alignment = 0})), UsageError);
}

TEST(MemorySearch, GoesOnMatchByMatch) {
  FakeMemory memory(2 * piece);
  memory.put(10, "needle");
  memory.put(piece - 3, "needle");
  std::size_t reads = 0;
  const auto read = [&](Address at, std::span<std::byte> into) {
    ++reads;
    return memory(at, into);
  };
  MemorySearch search({memory.all()}, std::make_shared<BytePattern>(support::as_bytes("needle")), {});
  EXPECT_EQ(reads, 0U);
  EXPECT_EQ(search.next(read), (Match{base + 10, 6}));
  EXPECT_EQ(reads, 1U);
  EXPECT_EQ(search.next(read), (Match{base + piece - 3, 6}));
  EXPECT_EQ(search.next(read), std::nullopt);
  EXPECT_EQ(search.next(read), std::nullopt);
  EXPECT_EQ(reads, 2U);
}

TEST(MemorySearch, ManyMatchesComeEachOnce) {
  FakeMemory memory(piece + page);
  EXPECT_EQ(memory.find(std::string_view("\0", 1)).size(), piece + page);
  EXPECT_EQ(memory.find(std::string_view("\0\0\0\0", 4), {.alignment = 4}).size(), (piece + page) / 4);
  EXPECT_EQ(memory.find(std::string_view("\0\0\0", 3), {.alignment = 3, .limit = 1000}).size(), 1000U);
}

TEST(MemorySearch, EndsWithTheAddressSpace) {
  const auto read = [](Address at, std::span<std::byte> into) -> std::size_t {
    if (at < ~Address{0} - 4095) return 0;
    std::ranges::fill(into, std::byte{1});
    return into.size();
  };
  MemorySearch search({{~Address{0} - 8191, ~Address{0}}}, std::make_shared<BytePattern>(Bytes(4, std::byte{1})),
                      {.alignment = 1024});
  std::size_t count = 0;
  while (search.next(read)) ++count;
  EXPECT_EQ(count, 4U);
}

MemoryMaps maps() {
  return {{{.start = 0x1000, .end = 0x3000, .readable = true, .path = "/bin/a"},
           {.start = 0x3000, .end = 0x4000, .readable = true, .writable = true, .path = "/bin/a"},
           {.start = 0x4000, .end = 0x5000, .path = "/bin/a"},
           {.start = 0x6000, .end = 0x8000, .readable = true, .path = "/dev/dri/card0"},
           {.start = 0x9000, .end = 0xa000, .readable = true, .path = "/dev/shm/x"}},
          "/bin/a"};
}

TEST(SearchRanges, AreTheReadableMemoryJoined) {
  EXPECT_EQ(search_ranges(maps(), {}), (std::vector<Range>{{0x1000, 0x4000}, {0x9000, 0xa000}}));
}

TEST(SearchRanges, AreCutToStartAndEnd) {
  EXPECT_EQ(search_ranges(maps(), {.start = 0x2345, .end = 0x3456}), (std::vector<Range>{{0x2345, 0x3456}}));
  EXPECT_EQ(search_ranges(maps(), {.start = 0x5000, .end = 0x6000}), std::vector<Range>{});
  EXPECT_THROW(static_cast<void>(search_ranges(maps(), {.start = 2, .end = 1})), UsageError);
}

TEST(SearchRanges, AreNamedAsMapsAre) {
  EXPECT_EQ(search_ranges(maps(), {.in = "binary"}), (std::vector<Range>{{0x1000, 0x4000}}));
  EXPECT_EQ(search_ranges(maps(), {.in = "card0"}), (std::vector<Range>{{0x6000, 0x8000}}));
  EXPECT_THROW(static_cast<void>(search_ranges(maps(), {.in = "libc"})), UsageError);
}

TEST(SearchRanges, AllIsNoName) {
  for (const char* all : {"", "*", "all"}) EXPECT_EQ(search_ranges(maps(), {.in = all}).size(), 2U);
}

TEST(SearchRanges, HaveThePermissions) {
  EXPECT_EQ(search_ranges(maps(), {.permissions = "rw"}), (std::vector<Range>{{0x3000, 0x4000}}));
  EXPECT_EQ(search_ranges(maps(), {.in = "binary", .permissions = "r-"}), (std::vector<Range>{{0x1000, 0x3000}}));
  EXPECT_THROW(static_cast<void>(search_ranges(maps(), {.permissions = "wr"})), UsageError);
}

TEST(WithoutUntouched, KeepsWhatIsNear) {
  constexpr Address start = 0x10'0000'0000;
  constexpr Address end = 0x20'0000'0000;
  const MemoryMaps sparse({{.start = 0x1000, .end = 0x9000, .readable = true},
                           {.start = start, .end = end, .readable = true, .writable = true},
                           {.start = end, .end = end + page, .readable = true, .inode = 1, .path = "/bin/a"}},
                          "/bin/a");
  const std::vector<Range> all = {{0x1000, 0x9000}, {start, end + page}};
  std::vector<Range> touched = {{start, start + page}, {start + 10 * page, start + 11 * page}};
  const auto tell = [&](const Range& range) {
    EXPECT_EQ(range, (Range{start, end}));
    return std::optional(touched);
  };
  EXPECT_EQ(
      without_untouched(all, sparse, 8, tell),
      (std::vector<Range>{
          {0x1000, 0x9000}, {start, start + 2 * page}, {start + 9 * page, start + 12 * page}, {end, end + page}}));
  EXPECT_EQ(without_untouched(all, sparse, 5 * page, tell),
            (std::vector<Range>{{0x1000, 0x9000}, {start, start + 16 * page}, {end, end + page}}));
  touched = {{end - page, end}};
  EXPECT_EQ(without_untouched(all, sparse, 1, tell),
            (std::vector<Range>{{0x1000, 0x9000}, {end - 2 * page, end + page}}));
  const auto unknown = [](const Range&) { return std::optional<std::vector<Range>>(); };
  EXPECT_EQ(without_untouched(all, sparse, 1, unknown), all);
}

TEST(Matchers, KnowWhetherZerosMayMatch) {
  EXPECT_TRUE(BytePattern(Bytes(3)).matches_zeros());
  EXPECT_FALSE(BytePattern(support::as_bytes("a")).matches_zeros());
  for (const char* expression : {R"(\x00+)", "[^a]", R"(^\x00\x00)", R"(\x00$)", "a|."}) {
    EXPECT_TRUE(RegexPattern(expression, {}).matches_zeros()) << expression;
  }
  for (const char* expression : {"a", "[a-z]+", R"(\x00a)", R"(\w\x00*)"}) {
    EXPECT_FALSE(RegexPattern(expression, {}).matches_zeros()) << expression;
  }
}

TEST(AreaRanges, CoverAlsoWhatCannotBeRead) {
  EXPECT_EQ(area_ranges(maps(), "binary"), (std::vector<Range>{{0x1000, 0x5000}}));
  EXPECT_EQ(area_ranges(maps(), {0x2000, 0x7000}), (std::vector<Range>{{0x2000, 0x5000}, {0x6000, 0x7000}}));
  EXPECT_EQ(area_ranges(maps(), maps()[1]), (std::vector<Range>{{0x3000, 0x4000}}));
  EXPECT_EQ(area_ranges(maps(), "*").size(), 3U);
  EXPECT_THROW(static_cast<void>(area_ranges(maps(), "libc")), UsageError);
  EXPECT_THROW(static_cast<void>(area_ranges(maps(), {2, 1})), UsageError);
}

}  // namespace
}  // namespace trapline::core
