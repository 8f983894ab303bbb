#include "os/memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include <trapline/error.hpp>

#include "support/bytes.hpp"

namespace trapline::os {
namespace {

constexpr std::size_t page = 4096;

/// Pages of our own memory, the last one of which is unmapped.
class Area {
 public:
  explicit Area(std::size_t pages) : size_(pages * page) {
    start_ = static_cast<std::byte*>(
        ::mmap(nullptr, size_ + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ::munmap(start_ + size_, page);
    for (std::size_t i = 0; i < size_; ++i) start_[i] = static_cast<std::byte>(i * 31 + i / page);
  }
  ~Area() { ::munmap(start_, size_); }
  Area(const Area&) = delete;
  Area& operator=(const Area&) = delete;

  [[nodiscard]] std::byte* data() const { return start_; }
  [[nodiscard]] Address address() const { return reinterpret_cast<Address>(start_); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::byte* start_;
  std::size_t size_;
};

TEST(ProcessMemory, ReadsEverySizeOnBothSidesOfTheThreshold) {
  const Area area(600);
  const ProcessMemory memory(::getpid());
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{8}, page, std::size_t{65535},
                                 std::size_t{65536}, std::size_t{1} << 20, std::size_t{2400000}}) {
    std::vector<std::byte> into(size);
    EXPECT_EQ(memory.read(area.address() + 13, into), size);
    EXPECT_TRUE(std::equal(into.begin(), into.end(), area.data() + 13)) << size;
  }
}

TEST(ProcessMemory, ReadsManyPiecesAsOneAfterAnother) {
  const Area area(4);
  const ProcessMemory memory(::getpid());
  std::vector<std::vector<std::byte>> buffers;
  std::vector<ReadPiece> pieces;
  buffers.reserve(5000);
  // More than one request takes, runs of unreadable ones, pieces that reach beyond the end, empty ones.
  for (std::size_t i = 0; i < 5000; ++i) {
    const bool outside = i % 7 == 3 || (i > 2000 && i < 2100);
    buffers.emplace_back(i % 40);
    pieces.emplace_back(area.address() + (outside ? area.size() - 5 + i % 9 : i * 3 % 16000), buffers.back());
  }
  std::vector<std::size_t> counts(pieces.size());
  memory.read_many(pieces, counts);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    std::vector<std::byte> alone(buffers[i].size());
    ASSERT_EQ(counts[i], memory.read(pieces[i].address, alone)) << i;
    EXPECT_TRUE(std::equal(alone.begin(), alone.begin() + static_cast<std::ptrdiff_t>(counts[i]), buffers[i].begin()));
  }
  memory.read_many({}, {});
}

TEST(ProcessMemory, StopsAtTheByteWhereTheMappingEnds) {
  const Area area(40);
  const ProcessMemory memory(::getpid());
  std::vector<std::byte> small(100);
  EXPECT_EQ(memory.read(area.address() + area.size() - 7, small), 7U);
  std::vector<std::byte> large(area.size() + page);
  EXPECT_EQ(memory.read(area.address() + 5, large), area.size() - 5);
  EXPECT_TRUE(std::equal(area.data() + 5, area.data() + area.size(), large.begin()));
  EXPECT_EQ(memory.read(area.address() + area.size(), small), 0U);
  EXPECT_EQ(memory.read(area.address() + area.size(), large), 0U);
}

TEST(ProcessMemory, AddressesThatNobodyHas) {
  const ProcessMemory memory(::getpid());
  std::vector<std::byte> into(100000);
  for (const Address address : {Address{0}, Address{1} << 62, ~Address{0} - 3, Address{1} << 63}) {
    EXPECT_EQ(memory.read(address, std::span(into).first(8)), 0U) << address;
    EXPECT_EQ(memory.read(address, into), 0U) << address;
    EXPECT_EQ(memory.write(address, std::span(into).first(8)), 0U) << address;
  }
}

TEST(ProcessMemory, ReadsPagesWithoutReadPermissionInTheMiddle) {
  const Area area(100);
  std::vector<std::byte> expected(area.data(), area.data() + area.size());
  ::mprotect(area.data() + 20 * page, 50 * page, PROT_NONE);
  const ProcessMemory memory(::getpid());
  std::vector<std::byte> into(area.size());
  EXPECT_EQ(memory.read(area.address(), into), area.size());
  EXPECT_TRUE(into == expected);
  ::mprotect(area.data(), area.size(), PROT_READ | PROT_WRITE);
}

TEST(ProcessMemory, WritesReadOnlyPagesAndStopsAtTheEnd) {
  const Area area(20);
  ::mprotect(area.data(), area.size(), PROT_READ);
  const ProcessMemory memory(::getpid());
  EXPECT_EQ(memory.write(area.address() + 3, support::as_bytes("hello")), 5U);
  EXPECT_EQ(std::memcmp(area.data() + 3, "hello", 5), 0);
  const std::vector<std::byte> large(area.size(), std::byte{7});
  EXPECT_EQ(memory.write(area.address() + page, large), area.size() - page);
  EXPECT_EQ(area.data()[area.size() - 1], std::byte{7});
}

TEST(ProcessMemory, LargeWritesCrossProtectedPagesToo) {
  const Area area(100);
  ::mprotect(area.data() + 30 * page, 40 * page, PROT_READ);
  const ProcessMemory memory(::getpid());
  const std::vector<std::byte> source(area.size() - 9, std::byte{9});
  EXPECT_EQ(memory.write(area.address() + 9, source), source.size());
  EXPECT_TRUE(std::equal(source.begin(), source.end(), area.data() + 9));
  EXPECT_EQ(area.data()[8], static_cast<std::byte>(8 * 31));
}

TEST(ProcessMemory, TheDeadHaveNone) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::pause();
    ::_exit(0);
  }
  const ProcessMemory memory(pid);
  int local = 0;
  std::vector<std::byte> into(8);
  const auto address = reinterpret_cast<Address>(&local);
  EXPECT_EQ(memory.read(address, into), 8U);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_THROW((void)memory.read(address, into), ProcessGone);
  EXPECT_THROW((void)memory.write(address, into), ProcessGone);
  EXPECT_THROW(ProcessMemory another(pid), ProcessGone);
}

}  // namespace
}  // namespace trapline::os
