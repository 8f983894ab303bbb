#include "core/memory_search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <set>

#include <trapline/error.hpp>

#include "support/bytes.hpp"

namespace trapline::core {
namespace {

using support::as_bytes;

constexpr std::size_t page = 4096;
constexpr std::size_t piece = 256 * 1024;
constexpr Address base = 0x7f00'0000'0000;

/// Memory at `base` in which single pages can be made unreadable.
class FakeMemory {
 public:
  explicit FakeMemory(std::size_t size) : bytes_(size) {}

  std::byte* data() { return bytes_.data(); }
  void put(std::size_t offset, std::string_view text) { std::memcpy(bytes_.data() + offset, text.data(), text.size()); }
  void make_hole(std::size_t page_index) { holes_.insert(page_index); }
  [[nodiscard]] bool readable(std::size_t offset) const { return !holes_.contains(offset / page); }

  std::size_t operator()(Address address, std::span<std::byte> into) const {
    const std::size_t start = address - base;
    std::size_t end = start;
    while (end < bytes_.size() && end < start + into.size() && readable(end)) {
      end = std::min({(end / page + 1) * page, bytes_.size(), start + into.size()});
    }
    std::memcpy(into.data(), bytes_.data() + start, end - start);
    return end - start;
  }

  std::vector<Address> find(ByteView pattern, const FindOptions& options = {}) {
    const Range all{base, base + bytes_.size()};
    return search(*this, std::span(&all, 1), pattern, options);
  }
  std::vector<Address> find(std::string_view pattern, const FindOptions& options = {}) {
    return find(as_bytes(pattern), options);
  }

  /// The same by trying every place.
  [[nodiscard]] std::vector<Address> find_slowly(ByteView pattern) const {
    std::vector<Address> hits;
    for (std::size_t at = 0; at + pattern.size() <= bytes_.size(); ++at) {
      if (std::memcmp(bytes_.data() + at, pattern.data(), pattern.size()) != 0) continue;
      bool readable_all = true;
      for (std::size_t i = 0; i < pattern.size(); ++i) readable_all = readable_all && readable(at + i);
      if (readable_all) hits.push_back(base + at);
    }
    return hits;
  }

 private:
  std::vector<std::byte> bytes_;
  std::set<std::size_t> holes_;
};

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

}  // namespace
}  // namespace trapline::core
