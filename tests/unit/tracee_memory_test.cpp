#include "core/tracee_memory.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace trapline::core {
namespace {

constexpr std::array trap{std::byte{0xcc}};

TEST(TraceeMemory, CleansACopyAlsoOfTrapsLiftedMeanwhile) {
  // Changed behind the compiler's back.
  static volatile unsigned char code[2] = {1, 2};
  os::TrapLedger ledger;
  TraceeMemory memory(::getpid(), ledger);
  const auto address = reinterpret_cast<Address>(code);
  ASSERT_TRUE(memory.plant(address, trap));
  ASSERT_TRUE(memory.plant(address + 1, trap));
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char unused = 0;
    const bool told = ::read(ends[0], &unused, 1) == 1;
    ::_exit(told ? code[0] * 10 + code[1] : 99);
  }
  memory.lift(address);
  memory.clean_copy(child);
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 12);
  memory.lift(address + 1);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(TraceeMemory, ATrapPlantedTwiceIsLiftedOnce) {
  static volatile unsigned char code[1] = {7};
  os::TrapLedger ledger;
  TraceeMemory memory(::getpid(), ledger);
  const auto address = reinterpret_cast<Address>(code);
  ASSERT_TRUE(memory.plant(address, trap));
  std::array<std::byte, 1> original{};
  EXPECT_EQ(memory.plant(address, trap, original), 1U);
  EXPECT_EQ(original[0], std::byte{7});
  EXPECT_EQ(code[0], 0xcc);
  memory.lift(address);
  EXPECT_EQ(code[0], 7);
}

}  // namespace
}  // namespace trapline::core
