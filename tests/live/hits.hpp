#pragma once

#include <string>
#include <utility>
#include <vector>

#include "support.hpp"

namespace trapline::live {

/// What `hits loop N` prints.
inline long expected_sum(long count) {
  long sum = 0;
  for (long i = 0; i < count; ++i) sum += 3 * i + 1;
  return sum;
}

inline Debugger hits(std::vector<std::string> args) { return Debugger(program("hits", std::move(args))); }

}  // namespace trapline::live
