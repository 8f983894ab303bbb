#pragma once

#include <cstddef>
#include <map>

#include <trapline/types.hpp>

namespace trapline::core {

/// What a process lends us for running code in it: a syscall instruction of its own, and our scratch mapping, which
/// exists only once something was copied into it. Both are void after an exec.
struct RemoteMemory {
  Address syscall_site = 0;
  Address scratch = 0;
  std::size_t scratch_size = 0;
  /// How much of the scratch mapping the invocations under way use: they nest, so it is a stack.
  std::size_t scratch_used = 0;
  /// Where functions that we call return to: a trap of ours in a page of our own, or where no page could be mapped, at
  /// the program's entry point.
  Address return_trap = 0;
  Address return_page = 0;
  /// What the resolvers of indirect functions (IFUNC) chose.
  std::map<Address, Address> indirect{};

  void forget_scratch() { scratch = scratch_size = scratch_used = 0; }
};

}  // namespace trapline::core
