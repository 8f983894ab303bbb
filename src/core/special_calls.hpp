#pragma once

#include <cstdint>

#include <trapline/types.hpp>

namespace trapline::core {

/// Calls that may leave SIGTRAP blocked.
[[nodiscard]] bool changes_signal_mask(Abi abi, std::int64_t number);

/// Calls that cannot be made among others by code of ours: births, ends and new programs; those above, since the end of
/// our code could not be seen; what depends on the stack pointer; seccomp filters, which may forbid the rest.
[[nodiscard]] bool runs_alone(Abi abi, std::int64_t number);

}  // namespace trapline::core
