#pragma once

#include <array>
#include <cstdint>

#include <trapline/types.hpp>

namespace trapline::core {

class ThreadState;

// The calls by which a program asks and says where its threads may run, in processes that are kept on the tracer's CPU.
// The kernel runs them, and judges what is wrong with them; afterwards it is made to look as without us.

/// A call of a thread whose exit the kernel has come to, before anybody is shown it.
struct FinishedCall {
  Abi abi{};
  std::int64_t number = 0;
  std::array<std::uint64_t, 6> args{};
  std::int64_t result = 0;
};

[[nodiscard]] bool is_affinity_call(Abi abi, std::int64_t number);
void settle_affinity_call(ThreadState& thread, const FinishedCall& call);
/// The same at a stop that will not be dispatched any more, since the thread is let go.
void settle_affinity_call_left(ThreadState& thread);

}  // namespace trapline::core
