#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <trapline/types.hpp>

namespace trapline::arch {

/// Code that makes one syscall after another, as a table tells, and ends at a trap instruction of its own.
///
/// A row of the table has eight words: the number, in whose place the result comes; six arguments; and the address of a
/// list of addresses that ends in 0. To the word at each of them the result is added, which is how later rows come by
/// it; a call that has a list and fails ends it all, also when the list is empty. The table ends with `no_more_calls`.
struct BatchStub {
  std::span<const std::byte> code;
  /// Where the trap instruction is in it.
  std::size_t trap;
  /// The word of the general set that points to the first row to begin with, and at the end behind the last one that
  /// was executed.
  std::size_t row;
};

inline constexpr std::size_t batch_row_words = 8;
/// In a word, where a row has its number.
inline constexpr std::int64_t no_more_calls = INT32_MIN;

/// nullptr where there is none (yet).
[[nodiscard]] const BatchStub* batch_stub(Arch arch);

/// The trap flag and the alignment check, which the program may have set and the code has to run without.
inline constexpr std::uint64_t flags_clear_in_batches = 0x40100;

}  // namespace trapline::arch
