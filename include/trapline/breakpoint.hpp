#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include <trapline/symbols.hpp>
#include <trapline/thread.hpp>
#include <trapline/trap.hpp>
#include <trapline/types.hpp>

namespace trapline {

namespace core {
class BreakpointTrap;
}

class Breakpoint;

/// Runs on the tracer thread with the reporting thread at rest, before the instruction, and the others running.
using BreakpointCallback = std::function<void(Thread&, Breakpoint&)>;

/// How a breakpoint behaves; without a callback it is synchronous and stops the process.
struct BreakpointOptions {
  /// By a debug register (there are four) instead of a trap in the code: for code that reads or checks itself.
  bool hardware = false;
  BreakpointCallback callback{};
  /// A place that does not exist yet is waited for instead of being an error.
  bool pending = false;
  /// Only on this thread.
  std::optional<Thread> thread{};
  /// Disables itself after its first hit.
  bool once = false;
  /// So many hits are let pass uncounted first.
  std::size_t ignore_count = 0;
  Condition condition{};
};

/// What a watchpoint waits for; x86 has no way to watch reads alone.
enum class Access { write, read_write, execute };

/// How a watchpoint behaves; without a callback it is synchronous and stops the process.
struct WatchpointOptions {
  Access access = Access::write;
  /// How many bytes are watched: 1, 2, 4 or 8, at an address that is a multiple of that.
  std::size_t length = 1;
  BreakpointCallback callback{};
  /// A place that does not exist yet is waited for instead of being an error.
  bool pending = false;
  /// Only on this thread.
  std::optional<Thread> thread{};
  /// Disables itself after its first hit.
  bool once = false;
  /// So many hits are let pass uncounted first.
  std::size_t ignore_count = 0;
  Condition condition{};
};

/// A breakpoint or watchpoint. A handle: it stays valid after `remove()` and after the process is gone; all calls work
/// at any time.
class TRAPLINE_API Breakpoint {
 public:
  [[nodiscard]] bool enabled() const;
  void enable() const;
  void disable() const;
  /// Takes it out for good; the counts stay readable.
  void remove() const;

  [[nodiscard]] std::size_t hit_count() const;
  /// True when that thread is stopped where it hit this trap.
  [[nodiscard]] bool hit_on(const Thread& thread) const;
  /// Replaces the callback; an empty one makes the trap synchronous.
  void set_callback(BreakpointCallback callback) const;

  /// As it was asked for.
  [[nodiscard]] Location location() const;
  /// Where it is in this run; nothing while it is pending.
  [[nodiscard]] std::optional<Address> address() const;
  /// Whether it is in place: not while it is pending or disabled, nor after the process wrote something over it.
  [[nodiscard]] bool armed() const;
  [[nodiscard]] bool hardware() const;
  /// What it reacts to; a breakpoint's is `execute`.
  [[nodiscard]] Access access() const;
  /// How many bytes it watches; of a breakpoint 1.
  [[nodiscard]] std::size_t length() const;

  /// Of a watchpoint: what it watches, as an unsigned number, before its last hit in this run; nothing before the first
  /// one, and where there was no memory. Before means: at the hit before that one, or when it was placed.
  [[nodiscard]] std::optional<std::uint64_t> old_value() const;
  /// The same after its last hit; after a hit by a mere read it equals the old one.
  [[nodiscard]] std::optional<std::uint64_t> new_value() const;

  friend bool operator==(const Breakpoint& a, const Breakpoint& b) { return a.trap_ == b.trap_; }

  /// For trapline itself: handles come from Process::breakpoint and Process::watchpoint.
  explicit Breakpoint(std::shared_ptr<core::BreakpointTrap> trap);

 private:
  std::shared_ptr<core::BreakpointTrap> trap_;
};

}  // namespace trapline
