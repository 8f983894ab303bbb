#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <trapline/breakpoint.hpp>

#include "core/trap.hpp"
#include "core/verdict.hpp"

namespace trapline::core {

class ThreadState;

/// A breakpoint or watchpoint as the user placed it. Children may have inherited it: where it is in each process tell
/// their Breakpoints.
class BreakpointTrap : public Trap {
 public:
  explicit BreakpointTrap(Location place) : location(std::move(place)) {}

  [[nodiscard]] bool synchronous() const { return !callback && !internal; }
  /// For the debug registers, not for a trap in the code.
  [[nodiscard]] bool uses_debug_register() const { return hardware; }
  void changed(Process& owner) override;

  const Location location;
  bool hardware = false;
  Access access = Access::execute;
  std::size_t length = 1;
  bool pending_allowed = false;
  /// Shared, because a callback may replace itself while it runs.
  std::shared_ptr<const BreakpointCallback> callback;
  /// What trapline's own traps do; they are not counted and nobody is shown them.
  std::function<Verdict(ThreadState&)> internal;

  static constexpr Address nowhere = ~Address{0};
  /// Where it is in the present image of the process that it was placed in; other threads look.
  std::atomic<Address> address{nowhere};
  /// Of a watchpoint: where its last hit was, and what was there before and after.
  Address hit_at = 0;
  std::optional<std::uint64_t> old_value;
  std::optional<std::uint64_t> new_value;
  /// Younger traps have larger ones.
  std::uint64_t order = 0;
};

/// Makes a trap out of what the user asked for.
[[nodiscard]] std::shared_ptr<BreakpointTrap> make_breakpoint(const Location& location, BreakpointOptions options);
[[nodiscard]] std::shared_ptr<BreakpointTrap> make_watchpoint(const Location& location, WatchpointOptions options);

}  // namespace trapline::core
