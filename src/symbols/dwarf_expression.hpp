#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>
#include <span>

#include "symbols/frame_registers.hpp"

namespace trapline::symbols {

/// What an expression of call frame information can refer to.
struct ExpressionContext {
  const FrameAbi& abi;
  const FrameRegisters& registers;
  ReadMemory read;
  /// What is added to an address in the file to get the one in the process.
  Address bias = 0;
  std::optional<Address> cfa{};
};

/// The value of an expression, such as the one of a CFA; nothing when it refers to what is unknown or is damaged.
[[nodiscard]] std::optional<std::uint64_t> evaluate(const ExpressionContext& context, std::span<const Dwarf_Op> ops);
/// The value of what an expression tells the place of: a register, a word in memory, or the expression's own value.
[[nodiscard]] std::optional<std::uint64_t> evaluate_place(const ExpressionContext& context,
                                                          std::span<const Dwarf_Op> ops);

}  // namespace trapline::symbols
