#pragma once

#include <array>
#include <map>
#include <memory>
#include <vector>

#include <trapline/observer.hpp>

#include "core/syscall_trap.hpp"

namespace trapline::core {

/// The syscall traps of a process, and which of them want a given call.
class SyscallHandlers {
 public:
  using List = std::vector<std::shared_ptr<SyscallTrap>>;
  /// For each number of an ABI its traps in their order: those for it before those for all, older before newer.
  /// Immutable, so that a dispatch under way goes on while callbacks place and remove traps.
  struct Index {
    std::array<std::vector<List>, 3> by_number;
    /// Numbers that no table has: negative ones, or very large.
    std::array<std::map<std::int64_t, List>, 3> beyond;
    std::array<List, 3> for_others;

    [[nodiscard]] const List& find(Abi abi, std::int64_t number) const;
  };

  SyscallHandlers();

  void add(std::shared_ptr<SyscallTrap> trap);
  void remove(const SyscallTrap& trap);
  /// What a child has of its parent's: all but those for single threads.
  [[nodiscard]] SyscallHandlers inherited() const;
  void reset_counts();
  [[nodiscard]] const std::shared_ptr<const Index>& index() const { return index_; }
  [[nodiscard]] const List& traps() const { return traps_; }
  /// True when some trap needs syscall stops.
  [[nodiscard]] bool any_live() const;
  /// All calls that some live trap wants, in each ABI's table.
  [[nodiscard]] std::array<SyscallTrap::Wanted, 3> wanted() const;

 private:
  void rebuild();

  List traps_;
  std::shared_ptr<const Index> index_;
};

/// Makes a trap out of what the user asked for; throws UsageError for names that no table has, with near ones.
[[nodiscard]] std::shared_ptr<SyscallTrap> make_trap(const SyscallSet& syscalls, SyscallOptions options);
[[nodiscard]] std::shared_ptr<SyscallTrap> make_hijack(const SyscallSet& original, const SyscallId& replacement,
                                                       const HijackOptions& options);
/// Which numbers the set means, in each ABI's table.
[[nodiscard]] std::array<SyscallTrap::Wanted, 3> resolve(const SyscallSet& syscalls);
/// One syscall in one ABI's table; throws UsageError with near names.
[[nodiscard]] std::int64_t resolve(Abi abi, const SyscallId& syscall);

}  // namespace trapline::core
