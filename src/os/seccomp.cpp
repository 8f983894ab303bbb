#include "os/seccomp.hpp"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "os/proc.hpp"

namespace trapline::os {
namespace {

constexpr std::uint32_t refuse = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t x32_first = 0x40000000;
constexpr std::uint32_t x32_end = 0x80000000;

/// From `first` on, up to the next one's, this is the answer.
struct Region {
  std::uint32_t first = 0;
  std::uint32_t answer = SECCOMP_RET_ALLOW;
  /// Only then; otherwise it passes.
  const FilterGuard* guard = nullptr;
};

sock_filter load(std::size_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
sock_filter answer(std::uint32_t value) { return BPF_STMT(BPF_RET | BPF_K, value); }

std::vector<Region> regions_of(const FilterTable& table, std::uint32_t stop) {
  std::vector<Region> regions{{0, SECCOMP_RET_ALLOW}};
  const auto put = [&](std::uint32_t first, std::uint32_t end, std::uint32_t what, const FilterGuard* guard = nullptr) {
    if (regions.back().first == first) regions.pop_back();
    const bool goes_on = !regions.empty() && regions.back().answer == what && regions.back().guard == guard;
    if (!goes_on) regions.push_back({first, what, guard});
    regions.push_back({end, SECCOMP_RET_ALLOW});
  };
  auto guard = table.guards.begin();
  const auto put_guards_below = [&](std::uint32_t number) {
    for (; guard != table.guards.end() && guard->number < number; ++guard) {
      put(guard->number, guard->number + 1, stop, &*guard);
    }
  };
  for (const std::uint32_t number : table.numbers) {
    put_guards_below(number);
    put(number, number + 1, stop);
  }
  put_guards_below(x32_first);
  // A skipped call has the number -1, which has to pass.
  if (table.audit_arch == AUDIT_ARCH_X86_64) put(x32_first, x32_end, refuse);
  return regions;
}

void judge(std::vector<sock_filter>& program, const Region& region) {
  if (region.guard != nullptr) {
    // Little-endian: the flags and options that are tested are in the low half.
    program.push_back(load(offsetof(seccomp_data, args)));
    const std::uint32_t value = region.guard->value;
    if (region.guard->test == FilterGuard::Test::has_bits) {
      program.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, value, 1, 0));
    } else {
      program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 2, 0));
      program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value + 1, 1, 0));
    }
    program.push_back(answer(SECCOMP_RET_ALLOW));
  }
  program.push_back(answer(region.answer));
}

/// Appends the search for the region that the accumulator is in.
void search(std::vector<sock_filter>& program, std::span<const Region> regions) {
  if (regions.size() == 1) {
    judge(program, regions.front());
    return;
  }
  const std::size_t middle = regions.size() / 2;
  // Conditional jumps reach 255 instructions only.
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, regions[middle].first, 0, 1));
  const std::size_t far = program.size();
  program.push_back(BPF_STMT(BPF_JMP | BPF_JA, 0));
  search(program, regions.first(middle));
  program[far].k = static_cast<std::uint32_t>(program.size() - far - 1);
  search(program, regions.subspan(middle));
}

}  // namespace

std::vector<sock_filter> stop_at(std::span<const FilterTable> tables, std::uint16_t mark) {
  const std::uint32_t stop = SECCOMP_RET_TRACE | mark;
  std::vector<sock_filter> program;
  for (const FilterTable& table : tables) {
    program.push_back(load(offsetof(seccomp_data, arch)));
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, table.audit_arch, 1, 0));
    const std::size_t other = program.size();
    program.push_back(BPF_STMT(BPF_JMP | BPF_JA, 0));
    program.push_back(load(offsetof(seccomp_data, nr)));
    search(program, regions_of(table, stop));
    program[other].k = static_cast<std::uint32_t>(program.size() - other - 1);
  }
  program.push_back(answer(SECCOMP_RET_ALLOW));
  return program;
}

bool filters_usable() {
  static const bool usable = [] {
    const std::uint32_t action = SECCOMP_RET_TRACE;
    const long known = ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
    return known == 0 && read_status(::gettid()).seccomp_filters.has_value();
  }();
  return usable;
}

}  // namespace trapline::os
