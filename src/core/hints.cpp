#include "core/hints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "arch/arch.hpp"
#include "arch/syscall_kin.hpp"
#include "arch/syscall_table.hpp"
#include "core/breakpoints.hpp"
#include "support/log.hpp"
#include "support/text.hpp"

namespace trapline::core {
namespace {

using Wanted = std::array<SyscallTrap::Wanted, 3>;

constexpr std::array all_abis{Abi::amd64, Abi::i386, Abi::aarch64};
/// What the vDSO answers without a syscall (vdso(7)).
constexpr std::array<std::string_view, 6> in_vdso{"clock_gettime", "clock_gettime64", "gettimeofday",
                                                  "time",          "getcpu",          "clock_getres"};

const SyscallTrap::Wanted& of(const Wanted& wanted, Abi abi) { return wanted[static_cast<std::size_t>(abi)]; }

bool wants(const SyscallTrap::Wanted& wanted, std::int64_t number) {
  return wanted.all || std::ranges::binary_search(wanted.numbers, number);
}

/// What was called in place of this one, and is not wanted itself.
std::vector<std::string> called_instead(const SeenSyscalls& seen, const Wanted& wanted, Abi abi,
                                        std::string_view name) {
  std::vector<std::string> names;
  for (const std::string_view kin : arch::syscall_kin(name)) {
    const arch::SyscallRow* const row = arch::find_syscall(abi, kin);
    if (row == nullptr || row->name != kin || kin == name) continue;
    if (seen.has(abi, row->number) && !wants(of(wanted, abi), row->number)) names.emplace_back(kin);
  }
  return names;
}

class Hints {
 public:
  explicit Hints(Process& process) : process_(process), seen_(process.seen_syscalls()) {}

  /// None of these came.
  void about_missing(const Wanted& wanted) {
    for (const Abi abi : all_abis) {
      if (of(wanted, abi).all) return;
    }
    for (const Abi abi : all_abis) {
      if (abi != arch::native_abi(process_.arch()) && !seen_.any(abi)) continue;
      for (const std::int64_t number : of(wanted, abi).numbers) about_missing(wanted, abi, number);
    }
  }

  void about_placeless(const BreakpointTrap& trap) {
    add(fmt::format("the breakpoint at {} waited to the end: nothing that was loaded has that place",
                    trap.location.text()));
  }

  [[nodiscard]] std::vector<std::string> take() { return std::move(lines_); }

 private:
  void about_missing(const Wanted& wanted, Abi abi, std::int64_t number) {
    const arch::SyscallRow* const row = arch::find_syscall(abi, number);
    if (row == nullptr) return;
    const auto instead = called_instead(seen_, wanted, abi, row->name);
    if (!instead.empty()) {
      const char* const were = instead.size() == 1 ? "was: name it too" : "were: name them too";
      add(fmt::format("{} was never called, but {} {}", row->name, support::join(instead, ", "), were));
    } else if (process_.has_vdso() && seen_.any(abi) && std::ranges::find(in_vdso, row->name) != in_vdso.end()) {
      add(
          fmt::format("{} was never called: the C library asks the vDSO for it, without a system call; "
                      "it is one with DebuggerOptions::vdso = false (trapline trace --no-vdso)",
                      row->name));
    }
  }
  void add(std::string line) {
    if (std::ranges::find(lines_, line) == lines_.end()) lines_.push_back(std::move(line));
  }

  Process& process_;
  const SeenSyscalls& seen_;
  std::vector<std::string> lines_;
};

bool never_came(const SeenSyscalls& seen, const Wanted& wanted) {
  return std::ranges::none_of(all_abis, [&](Abi abi) {
    return std::ranges::any_of(of(wanted, abi).numbers, [&](std::int64_t number) { return seen.has(abi, number); });
  });
}

}  // namespace

std::vector<std::string> hints(Process& process) {
  Hints hints(process);
  for (const auto& trap : process.handlers().traps()) {
    if (trap->live() && trap->enters == 0 && trap->process.lock().get() == &process) hints.about_missing(trap->wanted);
  }
  if (!process.parent()) {
    for (const auto& watcher : *process.watchers()) {
      const bool shown = watcher.observer->on_syscall_enter || watcher.observer->on_syscall_exit;
      if (shown && never_came(process.seen_syscalls(), watcher.wanted)) hints.about_missing(watcher.wanted);
    }
  }
  for (const auto& trap : process.breakpoints().placeless()) {
    if (trap->process.lock().get() == &process) hints.about_placeless(*trap);
  }
  return hints.take();
}

void tell_hints(Process& process) {
  if (const auto parent = process.parent()) parent->seen_syscalls().add(process.seen_syscalls());
  if (!support::log_enabled(LogCategory::hint)) return;
  for (const std::string& line : hints(process)) {
    support::log(LogCategory::hint, [&] { return line; });
  }
}

}  // namespace trapline::core
