#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "arch/debug_registers.hpp"
#include "core/breakpoint_trap.hpp"

namespace trapline::core {

class Process;
struct WatchHit;

/// The traps of a process that are in debug registers: which register holds what, on all threads alike. On the tracer
/// thread.
///
/// Threads are brought in line when a trap comes or goes if they are stopped, and at their next stop otherwise, which
/// for a new thread is that of its birth: debug registers are not inherited.
class Watchpoints {
 public:
  using Traps = std::vector<std::shared_ptr<BreakpointTrap>>;

  explicit Watchpoints(Process& process) : process_(process) {}

  /// Throws UsageError when no debug register could hold such a trap, with what is possible, or OsError when those of
  /// this machine do not work.
  void check(const BreakpointTrap& trap, Address address) const;
  /// Arms the trap on all threads, for which all of them come to rest for a moment. Throws UsageError when there is no
  /// register left.
  void put_at(const std::shared_ptr<BreakpointTrap>& trap, Address address);
  void remove(const BreakpointTrap& trap);
  /// Takes all of them out; the threads are at rest.
  void clear();
  /// The image is gone, and what its threads had with it.
  void forget();

  /// False when no thread has anything in its debug registers.
  [[nodiscard]] bool in_use() const { return used_; }
  /// Brings a stopped thread in line.
  void update(ThreadState& thread);
  /// Whether the SIGTRAP that the thread stopped with is of our debug registers. If so, what they saw is in
  /// ThreadState::watched.
  [[nodiscard]] bool recognise(ThreadState& thread);

 private:
  struct Slot {
    arch::DebugSlot what;
    /// In the order in which they were placed. Immutable, so that a dispatch under way goes on while callbacks place
    /// and remove traps.
    std::shared_ptr<const Traps> traps;
    /// What was there when it was last looked at; nothing where no memory is.
    std::optional<std::uint64_t> value;
  };

  [[nodiscard]] std::optional<Slot>& slot_for(const BreakpointTrap& trap, const arch::DebugSlot& what);
  void encode();
  void update_all();
  [[nodiscard]] std::optional<std::uint64_t> read(const arch::DebugSlot& what) const;
  /// The hit of a slot that the thread had; nothing when its traps are gone.
  [[nodiscard]] std::optional<WatchHit> look(std::size_t index, const ThreadState& thread);

  Process& process_;
  std::array<std::optional<Slot>, arch::debug_slot_count> slots_;
  arch::DebugRegisters wanted_{};
  bool used_ = false;
};

}  // namespace trapline::core
