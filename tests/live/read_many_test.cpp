#include "support.hpp"

#include <algorithm>
#include <csignal>
#include <random>

#include <sys/mman.h>

namespace trapline::live {
namespace {

/// Scattered memory read at once: the same as one read() after another.
class ReadMany : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    if (IsSkipped()) return;
    debugger_.emplace(program("points"));
    debugger_->run(no_stdio());
  }
  Debugger& d() { return *debugger_; }
  Memory memory() { return debugger_->memory(); }
  /// So many pages, every other one unmapped.
  Address checkered(std::size_t pages) {
    const bool narrow = memory().pointer_size() == 4;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    const auto start = static_cast<Address>(
        d().invoke_syscall(narrow ? "mmap2" : "mmap", 0, pages * page, PROT_READ | PROT_WRITE, flags, -1, 0));
    for (std::size_t i = 0; i < pages; ++i) {
      memory().write(start + i * page, Bytes(page, static_cast<std::byte>(i + 1)));
      if (i % 2 == 1) d().invoke_syscall("munmap", start + i * page, page);
    }
    return start;
  }

  static constexpr std::size_t page = 4096;

 private:
  std::optional<Debugger> debugger_;
};

TEST_F(ReadMany, objects_buffers_and_arrays) {
  const Address start = checkered(1);
  memory().write(start, "a text in the process");
  memory().write_value(start + 100, std::uint64_t{0x1122334455667788});
  std::uint64_t number = 0;
  char word[4] = {};
  Bytes bytes(6);
  struct {
    std::uint16_t low, high;
  } halves{};
  memory().read_many({{start + 100, number}, {start + 2, word}, {start, bytes}, {start + 100, halves}});
  EXPECT_EQ(number, 0x1122334455667788U);
  EXPECT_EQ(std::string(word, 4), "text");
  EXPECT_EQ(bytes, memory().read(start, 6));
  EXPECT_EQ(halves.high, 0x5566);
  memory().read_many({});
}

TEST_F(ReadMany, values_at_addresses) {
  const Address start = checkered(4);
  const std::vector<Address> addresses{start + 2 * page, start, start + 8, start, start + page - 2};
  EXPECT_EQ(memory().read_values<std::uint16_t>(addresses),
            (std::vector<std::uint16_t>{0x0303, 0x0101, 0x0101, 0x0101, 0x0101}));
  EXPECT_TRUE(memory().read_values<int>({}).empty());
}

TEST_F(ReadMany, names_the_first_that_is_unreadable) {
  const Address start = checkered(4);
  const std::vector<Address> addresses{start, start + page + 8, start + 3 * page};
  const std::string message =
      message_of<OsError>([&] { static_cast<void>(memory().read_values<std::uint32_t>(addresses)); });
  char expected[32];
  std::snprintf(expected, sizeof expected, "0x%llx", static_cast<unsigned long long>(start + page + 8));
  EXPECT_NE(message.find(expected), std::string::npos) << message;
  const auto found = memory().try_read_values<std::uint8_t>(addresses);
  EXPECT_EQ(found, (std::vector<std::optional<std::uint8_t>>{1, std::nullopt, std::nullopt}));
}

TEST_F(ReadMany, tells_how_much_of_each_was_readable) {
  const Address start = checkered(4);
  Bytes within(100);
  Bytes across(100);
  Bytes nothing(100);
  Bytes none;
  Bytes wide(2 * page);
  const auto counts = memory().try_read_many({{start, none},
                                              {start + 10, within},
                                              {start + page - 30, across},
                                              {start + page, nothing},
                                              {start + page, none},
                                              {~Address{0} - 50, nothing},
                                              {0, nothing},
                                              {start + 2 * page, wide},
                                              {start + 2 * page + 7, within}});
  EXPECT_EQ(counts, (std::vector<std::size_t>{0, 100, 30, 0, 0, 0, 0, page, 100}));
  EXPECT_EQ(within, Bytes(100, std::byte{3}));
  EXPECT_EQ(std::ranges::count(across, std::byte{1}), 30);
}

TEST_F(ReadMany, agrees_with_read_wherever_that_is) {
  constexpr std::size_t pages = 64;
  const Address start = checkered(pages);
  std::mt19937 random(1);
  std::vector<Bytes> buffers;
  std::vector<ReadPiece> pieces;
  buffers.reserve(3000);
  for (std::size_t i = 0; i < 3000; ++i) {
    buffers.emplace_back(random() % 10 == 0 ? random() % (3 * page) : random() % 64);
    // Long rows of readable and of unreadable ones too.
    const std::size_t in =
        i / 500 % 3 == 0 ? random() % (pages * page) : (i / 500 % 3 - 1) * page + random() % (page / 2);
    pieces.emplace_back(start + in, buffers.back());
  }
  const auto counts = memory().try_read_many(pieces);
  ASSERT_EQ(counts.size(), pieces.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    Bytes alone(buffers[i].size());
    ASSERT_EQ(memory().read_some(pieces[i].address, alone), counts[i]) << i;
    EXPECT_TRUE(std::equal(alone.begin(), alone.begin() + static_cast<std::ptrdiff_t>(counts[i]), buffers[i].begin()));
  }
}

TEST_F(ReadMany, pages_that_the_program_itself_may_not_read) {
  const Address start = checkered(3);
  d().invoke_syscall("mprotect", start, page, PROT_NONE);
  const std::vector<Address> addresses{start + 2 * page, start, start + 2 * page + 4, start + 4};
  EXPECT_EQ(memory().read_values<std::uint8_t>(addresses), (std::vector<std::uint8_t>{3, 1, 3, 1}));
}

TEST_F(ReadMany, shows_no_traps) {
  const Address main = d().symbols().resolve("main");
  const Bytes before = memory().read(main, 16);
  const Breakpoint breakpoint = d().breakpoint(main);
  Bytes whole(16);
  Bytes tail(8);
  std::byte first{};
  memory().read_many({{main, first}, {main, whole}, {main - 7, tail}, {main + 1, tail}});
  EXPECT_EQ(first, before[0]);
  EXPECT_EQ(whole, before);
  memory().read_many({{main - 7, tail}});
  EXPECT_EQ(tail[7], before[0]);
}

TEST_F(ReadMany, while_it_runs_and_after_its_end) {
  Debugger spinning(program("spin"));
  spinning.run(no_stdio());
  const Address turns = spinning.symbols().resolve("turns");
  spinning.cont();
  const std::vector<Address> twice{turns, turns};
  EXPECT_TRUE(eventually([&] { return spinning.memory().read_values<std::uint32_t>(twice)[0] > 1000; }));
  const Memory memory = spinning.memory();
  spinning.kill();
  EXPECT_THROW(static_cast<void>(memory.read_values<std::uint32_t>(twice)), ProcessGone);
  std::uint64_t word = 0;
  EXPECT_THROW(static_cast<void>(memory.try_read_many({{turns, word}})), ProcessGone);
}

}  // namespace
}  // namespace trapline::live
