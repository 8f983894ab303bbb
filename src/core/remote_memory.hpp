#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <trapline/types.hpp>

namespace trapline::core {

/// What a process lends us for running code in it: a syscall instruction of its own, and mappings of ours, which exist
/// only once something was needed in them. All is void after an exec.
struct RemoteMemory {
  struct Mapping {
    Address start = 0;
    std::size_t size = 0;
  };

  Address syscall_site = 0;
  Address scratch = 0;
  std::size_t scratch_size = 0;
  /// How much of the scratch mapping the invocations under way use: they nest, so it is a stack.
  std::size_t scratch_used = 0;
  /// Scratch mappings that were too small, while invocations under way still use them.
  std::vector<Mapping> outgrown{};
  /// The code that makes a batch of calls.
  Address batch_stub = 0;
  /// Where functions that we call return to: a trap of ours in a page of our own, or where no page could be mapped, at
  /// the program's entry point.
  Address return_trap = 0;
  Address return_page = 0;
  /// What the resolvers of indirect functions (IFUNC) chose.
  std::map<Address, Address> indirect{};

  /// What was asked of a thread and holds as long as nothing but calls of ours has run (Process::quiet_epoch).
  struct Findings {
    std::optional<bool> filtered{};
    std::optional<bool> can_trap{};
  };
  Findings findings{};
  pid_t found_in = 0;
  std::uint64_t found_at = 0;

  /// Whether there is something for remove_mappings() to take away.
  [[nodiscard]] bool mapped() const {
    return (scratch != 0 && scratch_used == 0) || batch_stub != 0 || return_page != 0;
  }
};

}  // namespace trapline::core
