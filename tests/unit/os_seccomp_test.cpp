#include "os/seccomp.hpp"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <set>

namespace trapline::os {
namespace {

/// What the kernel does with the few instructions that a filter of ours has.
std::uint32_t run(std::span<const sock_filter> program, const seccomp_data& data) {
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& one = program[at];
    switch (one.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        accumulator = one.k == offsetof(seccomp_data, arch)   ? data.arch
                      : one.k == offsetof(seccomp_data, args) ? static_cast<std::uint32_t>(data.args[0])
                                                              : static_cast<std::uint32_t>(data.nr);
        break;
      case BPF_JMP | BPF_JSET | BPF_K: at += (accumulator & one.k) != 0 ? one.jt : one.jf; break;
      case BPF_JMP | BPF_JA: at += one.k; break;
      case BPF_JMP | BPF_JEQ | BPF_K: at += accumulator == one.k ? one.jt : one.jf; break;
      case BPF_JMP | BPF_JGE | BPF_K: at += accumulator >= one.k ? one.jt : one.jf; break;
      case BPF_RET | BPF_K: return one.k;
      default: ADD_FAILURE() << "instruction " << one.code; return 0;
    }
  }
  ADD_FAILURE() << "it runs off its end";
  return 0;
}

std::uint32_t answer_to(std::span<const sock_filter> program, std::uint32_t arch, std::int64_t number,
                        std::uint64_t argument = 0) {
  return run(program, {.nr = static_cast<int>(number), .arch = arch, .instruction_pointer = 0, .args = {argument}});
}

constexpr std::uint16_t mark = 0x7472;
constexpr std::uint32_t stops = SECCOMP_RET_TRACE | mark;

TEST(Seccomp, StopsAtTheNumbersOfEachTable) {
  std::vector<std::uint32_t> scattered;
  for (std::uint32_t i = 0; i < 300; ++i) scattered.push_back(i * 2 + i % 2);
  const std::vector<FilterTable> tables{{AUDIT_ARCH_X86_64, scattered}, {AUDIT_ARCH_I386, {0, 1, 2, 7, 4095}}};
  const auto program = stop_at(tables, mark);
  ASSERT_LE(program.size(), std::size_t{BPF_MAXINSNS});
  for (const FilterTable& table : tables) {
    const std::set<std::uint32_t> numbers(table.numbers.begin(), table.numbers.end());
    for (std::uint32_t number = 0; number < 5000; ++number) {
      EXPECT_EQ(answer_to(program, table.audit_arch, number), numbers.contains(number) ? stops : SECCOMP_RET_ALLOW)
          << number;
    }
    EXPECT_EQ(answer_to(program, table.audit_arch, -1), std::uint32_t{SECCOMP_RET_ALLOW}) << "a skipped call";
  }
  EXPECT_EQ(answer_to(program, AUDIT_ARCH_AARCH64, 1), std::uint32_t{SECCOMP_RET_ALLOW});
}

TEST(Seccomp, RefusesX32) {
  const std::vector<FilterTable> tables{{AUDIT_ARCH_X86_64, {1}}};
  const auto program = stop_at(tables, mark);
  const std::uint32_t refused = SECCOMP_RET_ERRNO | ENOSYS;
  for (const std::int64_t number : {0x40000000L, 0x40000001L, 0x400003ffL, 0x7fffffffL}) {
    EXPECT_EQ(answer_to(program, AUDIT_ARCH_X86_64, number), refused);
  }
  EXPECT_EQ(answer_to(program, AUDIT_ARCH_X86_64, 0x3fffffff), std::uint32_t{SECCOMP_RET_ALLOW});
  EXPECT_EQ(answer_to(program, AUDIT_ARCH_X86_64, 1), stops);
}

TEST(Seccomp, StopsAtGuardedCallsOnlyWithTheArgument) {
  using Guard = FilterGuard::Test;
  for (const std::vector<std::uint32_t>& numbers :
       std::vector<std::vector<std::uint32_t>>{{}, {55}, {55, 57}, {56, 57, 158}, {1, 2, 3, 200}}) {
    std::vector<FilterGuard> guards;
    if (numbers.empty() || numbers.front() != 56) guards.push_back({56, Guard::has_bits, 0x800000});
    guards.push_back({157, Guard::is_one_of_two, 21});
    const std::vector<FilterTable> tables{{AUDIT_ARCH_X86_64, numbers, guards}};
    const auto program = stop_at(tables, mark);
    for (std::uint32_t number = 0; number < 300; ++number) {
      const bool listed = std::ranges::count(numbers, number) != 0;
      for (const std::uint64_t argument : {0UL, 20UL, 21UL, 22UL, 23UL, 0x800000UL, 0x1800011UL, 0x1600000016UL}) {
        bool expected = listed;
        if (number == 56 && !listed) expected = (argument & 0x800000) != 0;
        if (number == 157)
          expected = static_cast<std::uint32_t>(argument) == 21 || static_cast<std::uint32_t>(argument) == 22;
        EXPECT_EQ(answer_to(program, AUDIT_ARCH_X86_64, number, argument), expected ? stops : SECCOMP_RET_ALLOW)
            << number << ' ' << argument;
      }
    }
  }
}

TEST(Seccomp, OfNothingLetsAllPass) {
  const auto program = stop_at({}, mark);
  EXPECT_EQ(answer_to(program, AUDIT_ARCH_X86_64, 1), std::uint32_t{SECCOMP_RET_ALLOW});
}

}  // namespace
}  // namespace trapline::os
