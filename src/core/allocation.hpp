#pragma once

#include <cstddef>
#include <cstdint>

#include <trapline/allocation.hpp>

#include "core/process.hpp"

namespace trapline::core {

/// Maps memory by a call in a thread that is at rest. On the tracer thread; throws OsError.
[[nodiscard]] Address allocate(ThreadState& thread, std::size_t size, const AllocateOptions& options);

/// Gives it back, unless the process has executed another program since. Any thread, at any time: a thread that runs is
/// interrupted for it, which the program does not notice.
void free_memory(Process& process, Address address, std::size_t size, std::uint64_t image) noexcept;

}  // namespace trapline::core
