#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <trapline/syscall.hpp>

#include "core/trap.hpp"

namespace trapline::core {

/// What a hijack makes of a call.
struct Replacement {
  /// By ABI; the number -1 where the table has no such call.
  std::array<std::int64_t, 3> numbers{};
  std::array<std::optional<std::uint64_t>, 6> args{};
};

/// A trap on syscalls. `spent` lasts from the enter of its one call to the exit that is still to come.
class SyscallTrap : public Trap {
 public:
  /// Numbers that it wants in one ABI's table.
  struct Wanted {
    void add(const Wanted& more) {
      all = all || more.all;
      numbers.insert(numbers.end(), more.numbers.begin(), more.numbers.end());
    }

    bool all = false;
    std::vector<std::int64_t> numbers;
  };

  [[nodiscard]] bool synchronous() const { return !replacement && !on_enter && !on_exit; }
  /// It counts enters as hits.
  [[nodiscard]] bool enter_only() const { return on_enter && !on_exit; }
  void reset() {
    Trap::reset();
    enters = 0;
  }
  void count_enter() { enters.store(enters.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  void changed(Process& owner) override;

  std::array<Wanted, 3> wanted{};
  /// Shared, because a callback may replace itself while it runs.
  std::shared_ptr<const SyscallCallback> on_enter;
  std::shared_ptr<const SyscallCallback> on_exit;
  std::optional<Replacement> replacement;
  bool recursive = false;
  std::atomic<std::size_t> enters{0};
};

}  // namespace trapline::core
