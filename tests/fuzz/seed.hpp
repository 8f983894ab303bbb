#pragma once

namespace seed {

inline long add(long a, long b) {
  if (a > b) return a + b;
  return b + a;
}

}  // namespace seed
