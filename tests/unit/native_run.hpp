#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <trapline/types.hpp>

// Runs a piece of machine code in this process with all registers as given, and tells how they are when it traps or
// faults. x86-64 only.
namespace trapline::native {

/// In the order of struct user_regs_struct.
using Words = std::array<std::uint64_t, 27>;

struct Vectors {
  std::array<std::array<std::byte, 64>, 32> zmm{};
  std::array<std::uint64_t, 8> mask{};
  std::array<std::array<std::byte, 16>, 8> x87{};
  std::array<std::byte, 6> x87_words{};
  std::uint32_t mxcsr = 0x1f80;

  bool operator==(const Vectors&) const = default;
};

struct State {
  Words words{};
  Vectors vectors{};
};

struct Outcome {
  State state;
  int signal = 0;
  /// Of the siginfo.
  Address address = 0;
  /// Where it stood between instructions, of a run in single steps.
  std::vector<Address> steps{};
};

/// Handles signals of this thread, on a stack of its own; once, in a process made for it.
void prepare_process();
/// Memory for code, data or both at that address.
void map(Address at, std::size_t size);
/// Starts at the state's pc, and ends at the first signal. An int3 leaves the pc on itself.
[[nodiscard]] Outcome run(const State& state);
constexpr std::size_t most_steps = 16;
/// Goes by single steps for as long as the pc is in `code`, but at most so many.
[[nodiscard]] Outcome run_in_steps(const State& state, Address code, std::size_t size);

}  // namespace trapline::native
