#pragma once

#include <cstddef>

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
};

}  // namespace trapline::core
