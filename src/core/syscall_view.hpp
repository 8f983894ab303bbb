#pragma once

#include <cstdint>

#include <trapline/types.hpp>

#include "core/thread_state.hpp"

namespace trapline::core {

// The syscall fields of a thread at rest, as a user reads and writes them: at a syscall stop those of the call, away
// from one the registers that a syscall instruction would read. On the tracer thread.

[[nodiscard]] Abi view_abi(const ThreadState& thread);
[[nodiscard]] std::int64_t view_number(ThreadState& thread);
void view_set_number(ThreadState& thread, std::int64_t number);
[[nodiscard]] std::uint64_t view_arg(ThreadState& thread, unsigned index);
void view_set_arg(ThreadState& thread, unsigned index, std::uint64_t value);
[[nodiscard]] std::int64_t view_return(ThreadState& thread);
void view_set_return(ThreadState& thread, std::int64_t value);
[[nodiscard]] std::int64_t view_original(const ThreadState& thread);
void view_skip(ThreadState& thread, std::int64_t value);

}  // namespace trapline::core
