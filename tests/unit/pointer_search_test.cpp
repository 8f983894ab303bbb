#include "core/pointer_search.hpp"

#include <gtest/gtest.h>

#include <random>

#include "fake_memory.hpp"

namespace trapline::core {
namespace {

std::vector<FoundPointer> find(const FakeMemory& memory, const std::vector<Range>& targets,
                               const PointerLayout& layout) {
  return find_pointers(memory, {memory.all()}, targets, layout);
}

TEST(PointerSearch, FindsThoseIntoTheTargets) {
  FakeMemory memory(page);
  memory.put_value<std::uint64_t>(16, 0x1000);
  memory.put_value<std::uint64_t>(64, 0x1fff);
  memory.put_value<std::uint64_t>(72, 0x2000);
  memory.put_value<std::uint64_t>(80, 0xfff);
  memory.put_value<std::uint64_t>(803, 0x5008);
  memory.put_value<std::uint64_t>(page - 8, 0xffff'8000'0000'0010);
  const std::vector<Range> targets = {
      {0x1000, 0x2000}, {0x5000, 0x6000}, {0xffff'8000'0000'0000, 0xffff'8000'0000'1000}};
  EXPECT_EQ(
      find(memory, targets, {}),
      (std::vector<FoundPointer>{{base + 16, 0x1000}, {base + 64, 0x1fff}, {base + page - 8, 0xffff'8000'0000'0010}}));
  const auto everywhere = find(memory, {{0x5000, 0x6000}}, {.size = 8, .step = 1});
  EXPECT_EQ(everywhere, (std::vector<FoundPointer>{{base + 803, 0x5008}}));
  EXPECT_TRUE(find(memory, {}, {}).empty());
}

TEST(PointerSearch, AgreesWithTryingEveryPlace) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 200; ++round) {
    const std::size_t size = round % 20 == 0 ? piece + 2 * page : page * (1 + random() % 4) - random() % 13;
    FakeMemory memory(size);
    // Bytes of few values, so that many words are near.
    for (std::size_t i = 0; i < size; ++i) memory.data()[i] = static_cast<std::byte>(random() % 3);
    if (random() % 2 == 0) memory.make_hole(random() % 3);
    const std::size_t word = random() % 3 == 0 ? 4 : 8;
    const std::uint64_t unit = word == 4 ? 0x1000 : 0x1'0000'0000'0000;
    const std::vector<Range> targets = {{unit, unit * 2}, {unit * 2 + 5, unit * 3}, {unit * 0x100, unit * 0x101}};
    const std::size_t step = std::vector<std::size_t>{1, 2, 3, 4, 7, 8, 16, 24, 5000}[random() % 9];
    std::vector<FoundPointer> expected;
    for (std::size_t at = 0; at + word <= size; at += step) {
      std::uint64_t value = 0;
      std::memcpy(&value, memory.data() + at, word);
      const bool aimed =
          std::ranges::any_of(targets, [&](const Range& r) { return value >= r.start && value < r.end; });
      if (aimed && memory.readable(at, word)) expected.push_back({base + at, value});
    }
    ASSERT_EQ(find(memory, targets, {.size = word, .step = step}), expected) << round << ' ' << word << ' ' << step;
  }
}

}  // namespace
}  // namespace trapline::core
