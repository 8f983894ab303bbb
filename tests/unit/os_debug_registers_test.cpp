#include "os/debug_registers.hpp"

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <string>
#include <thread>

#include <trapline/error.hpp>

#include "os/ptrace.hpp"

namespace trapline::os {
namespace {

std::uint64_t watched = 0;

/// A forked child that stops, writes `watched` and exits, traced by this thread.
class Child {
 public:
  Child() : pid_(::fork()) {
    if (pid_ == 0) {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      ::raise(SIGSTOP);
      *const_cast<volatile std::uint64_t*>(&watched) = 1;
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
  }
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// True when it stopped with SIGTRAP, false when it ended.
  [[nodiscard]] bool traps_on_the_way() const {
    resume(pid_, Resume::cont, 0);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
  }

 private:
  pid_t pid_;
};

DebugRegisters watching(const std::uint64_t* word) {
  DebugRegisters registers{};
  registers[2] = reinterpret_cast<std::uint64_t>(word);
  registers[7] = 0b010000 | 0b1001ULL << 24;
  return registers;
}

std::ptrdiff_t entries(const char* directory) {
  return std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator());
}

TEST(OsDebugRegisters, the_probe_says_what_a_child_sees) {
  const Child child;
  change_debug_registers(child.pid(), {}, watching(&watched));
  const bool fired = child.traps_on_the_way();
  if (fired) {
    EXPECT_EQ(debug_status(child.pid()) & 0xf, 0b0100U);
  }
  EXPECT_EQ(debug_registers_work(), fired);
  if (!fired) GTEST_SKIP() << no_debug_registers;
}

TEST(OsDebugRegisters, the_probe_leaves_nothing_behind) {
  const auto tasks = entries("/proc/self/task");
  const auto descriptors = entries("/proc/self/fd");
  const bool first = try_debug_registers();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(try_debug_registers(), first);
  EXPECT_EQ(entries("/proc/self/task"), tasks);
  EXPECT_EQ(entries("/proc/self/fd"), descriptors);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG | __WALL), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(OsDebugRegisters, the_probe_survives_a_thread_that_waits_for_any_child) {
  const bool expected = try_debug_registers();
  std::atomic<bool> stop = false;
  std::thread thief([&] {
    while (!stop) ::waitpid(-1, nullptr, __WALL | WUNTRACED);
  });
  for (int i = 0; i < 200; ++i) EXPECT_EQ(try_debug_registers(), expected);
  stop = true;
  thief.join();
}

TEST(OsDebugRegisters, are_kept_by_the_kernel) {
  const Child child;
  const std::array<std::uint64_t, 2> words{};
  DebugRegisters now{};
  DebugRegisters wanted = watching(&words[0]);
  wanted[0] = reinterpret_cast<std::uint64_t>(&words[1]) + 4;
  wanted[7] |= 1 | 0b1111ULL << 16;
  change_debug_registers(child.pid(), now, wanted);
  for (const std::size_t i : {0U, 1U, 2U, 3U}) EXPECT_EQ(read_debug_register(child.pid(), i), wanted[i]) << i;
  EXPECT_EQ(read_debug_register(child.pid(), 7) & 0xffff00ff, wanted[7]);
  change_debug_registers(child.pid(), wanted, {});
  EXPECT_EQ(read_debug_register(child.pid(), 7) & 0xffff00ff, 0U);
}

/// A slot of eight bytes becomes one of a single byte at an odd address, on or off in between.
TEST(OsDebugRegisters, a_slot_is_given_an_address_that_its_old_length_forbids) {
  const Child child;
  const DebugRegisters eight = watching(&watched);
  DebugRegisters one = eight;
  one[2] += 3;
  one[7] = 0b010000 | 0b0001ULL << 24;
  change_debug_registers(child.pid(), {}, eight);
  change_debug_registers(child.pid(), eight, one);
  EXPECT_EQ(read_debug_register(child.pid(), 2), one[2]);
  change_debug_registers(child.pid(), one, eight);
  DebugRegisters off = eight;
  off[7] = 0;
  change_debug_registers(child.pid(), eight, off);
  change_debug_registers(child.pid(), off, one);
  EXPECT_EQ(read_debug_register(child.pid(), 2), one[2]);
}

TEST(OsDebugRegisters, a_refusal_changes_nothing_and_says_so) {
  const Child child;
  const DebugRegisters good = watching(&watched);
  change_debug_registers(child.pid(), {}, good);
  DebugRegisters bad = good;
  bad[1] = 0xffffffff81000000;
  bad[7] |= 0b0100 | 0b0001ULL << 20;
  try {
    change_debug_registers(child.pid(), good, bad);
    FAIL() << "the kernel took an address of its own";
  } catch (const OsError& error) {
    EXPECT_NE(std::string(error.what()).find("setting a debug register of thread"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("takes no such address"), std::string::npos) << error.what();
  }
  EXPECT_EQ(read_debug_register(child.pid(), 2), good[2]);
  EXPECT_EQ(read_debug_register(child.pid(), 7) & 0xffff00ff, good[7]);
  EXPECT_EQ(child.traps_on_the_way(), debug_registers_work());
}

TEST(OsDebugRegisters, of_a_thread_that_runs_there_are_none) {
  EXPECT_THROW(static_cast<void>(debug_status(::getpid())), ProcessGone);
  EXPECT_THROW(change_debug_registers(::getpid(), {}, watching(&watched)), ProcessGone);
}

}  // namespace
}  // namespace trapline::os
