#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <trapline/call_value.hpp>
#include <trapline/types.hpp>

namespace trapline::arch {

/// How functions are called: the System V psABI of an architecture, as data. Registers are words of the general set.
struct CallConvention {
  /// Integer arguments, until none is left.
  std::span<const std::size_t> integers;
  /// How many floating-point arguments go into vector registers, the first ones.
  std::size_t vectors;
  /// Tells a variadic function how many of them are in use.
  std::optional<std::size_t> vector_count;
  std::size_t result;
  /// The upper half of an integer result that is wider than a register.
  std::size_t result_high;
  /// Floating-point results come in st0, not in a vector register.
  bool results_in_x87;
  /// Ends a process without an error: what a child does that was forked in a function which we called, when it has
  /// returned.
  std::span<const std::byte> end_process;
};

/// nullptr where no function can be called (yet).
[[nodiscard]] const CallConvention* call_convention(Arch arch);

/// Clear when a function begins: the direction flag; and the resume flag, or a debug register might be passed over.
inline constexpr std::uint64_t flags_clear_in_calls = 0x10400;

/// Where the arguments of a call go.
struct CallPlan {
  struct Word {
    std::size_t index;
    std::uint64_t value;
  };
  std::vector<Word> registers;
  /// The low bytes of the vector registers, from the first one on.
  std::vector<std::array<std::byte, 16>> vectors;
  /// What is on the stack above the return address.
  Bytes stack;
};

/// Throws UsageError when an integer does not fit into a word of the architecture.
[[nodiscard]] CallPlan plan_call(Arch arch, std::span<const CallValue> arguments);

/// What is on the stack when the function begins.
struct CallFrame {
  Address sp = 0;
  Bytes bytes;
  /// The stack pointer when the function has returned.
  Address sp_at_return = 0;
};
/// Aligned as the psABI has it, below an address.
[[nodiscard]] CallFrame lay_out(Arch arch, const CallPlan& plan, Address below, Address return_address);

/// On the bytes of NT_X86_XSTATE: the arguments in vector registers.
void put_vectors(Arch arch, std::span<std::byte> xstate, const CallPlan& plan);
/// A function may expect the x87 stack to be empty; true when it was not.
bool empty_x87(std::span<std::byte> xstate);
/// What was returned, of the kind that is asked for.
[[nodiscard]] CallValue call_result(Arch arch, CallValueKind kind, std::span<const std::byte> general,
                                    std::span<const std::byte> xstate);
/// Whether the result is not in general registers.
[[nodiscard]] bool result_in_xstate(CallValueKind kind);

}  // namespace trapline::arch
