#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <trapline/search.hpp>

#include "core/memory_windows.hpp"

namespace trapline::core {

/// The sizes of a pointer and of the steps in which one is looked for.
struct PointerLayout {
  std::size_t size = 8;
  std::size_t step = 8;
};

/// The pointers in the ranges that point into the targets, which ascend and are apart from each other.
[[nodiscard]] std::vector<FoundPointer> find_pointers(ReadMemory read, std::vector<Range> where,
                                                      std::span<const Range> targets, const PointerLayout& layout);

}  // namespace trapline::core
