#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <trapline/syscall.hpp>

namespace trapline::core {

class Process;

/// What a hijack makes of a call.
struct Replacement {
  /// By ABI; the number -1 where the table has no such call.
  std::array<std::int64_t, 3> numbers{};
  std::array<std::optional<std::uint64_t>, 6> args{};
};

/// A trap on syscalls: what the user placed, and its counts.
class SyscallTrap {
 public:
  /// Numbers that it wants in one ABI's table.
  struct Wanted {
    bool all = false;
    std::vector<std::int64_t> numbers;
  };

  [[nodiscard]] bool live() const {
    return enabled.load(std::memory_order_relaxed) && !removed.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool synchronous() const { return !replacement && !on_enter && !on_exit; }
  /// It counts enters as hits.
  [[nodiscard]] bool enter_only() const { return on_enter && !on_exit; }
  void reset_counts() {
    hits = 0;
    enters = 0;
    ignored = 0;
    spent = false;
  }

  std::weak_ptr<Process> process;
  std::array<Wanted, 3> wanted{};
  /// Shared, because a callback may replace itself while it runs.
  std::shared_ptr<const SyscallCallback> on_enter;
  std::shared_ptr<const SyscallCallback> on_exit;
  Condition condition;
  std::optional<Thread> thread;
  std::optional<Replacement> replacement;
  bool recursive = false;
  bool once = false;
  std::size_t ignore_count = 0;

  std::atomic<bool> enabled{true};
  std::atomic<bool> removed{false};
  std::atomic<std::size_t> hits{0};
  std::atomic<std::size_t> enters{0};
  std::size_t ignored = 0;
  /// A `once` trap has had its hit; the exit of that call is still to come.
  bool spent = false;
};

}  // namespace trapline::core
