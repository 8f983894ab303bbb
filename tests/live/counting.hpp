#pragma once

#include <cstddef>

namespace trapline::live {

/// What host_counting does between its two marks.
inline constexpr std::size_t counted_events = 100;

struct Taken {
  std::size_t allocations = 0;
  std::size_t locks = 0;
};
/// By this thread until now, in a program that is linked with counting.cpp.
[[nodiscard]] Taken taken_here();

}  // namespace trapline::live
