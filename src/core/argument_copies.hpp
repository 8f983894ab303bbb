#pragma once

#include <cstddef>

#include <trapline/invoke.hpp>

namespace trapline::core {

/// Copies of arguments lie one after the other, each at a multiple of this.
inline constexpr std::size_t copy_alignment = 16;

/// The room that an argument's copy takes; 0 for one that is passed by its value.
[[nodiscard]] inline std::size_t copy_size(const InvokeArgument& argument) {
  if (!argument.copied()) return 0;
  const std::size_t size = argument.input().size() + (argument.terminated() ? 1 : 0);
  return (size + copy_alignment - 1) / copy_alignment * copy_alignment;
}

[[nodiscard]] inline Bytes copy_of(const InvokeArgument& argument) {
  Bytes bytes(argument.input().begin(), argument.input().end());
  if (argument.terminated()) bytes.push_back(std::byte{0});
  return bytes;
}

}  // namespace trapline::core
