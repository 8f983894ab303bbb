#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <trapline/batch.hpp>

namespace trapline::core {

class ThreadState;

/// invoke_batch: what nobody else wants to see in as few stops as possible, the other calls one by one. On the tracer
/// thread.
[[nodiscard]] std::vector<std::int64_t> invoke_batch(ThreadState& thread, std::span<const BatchCall> calls,
                                                     const BatchOptions& options);

}  // namespace trapline::core
