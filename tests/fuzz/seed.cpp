// What the fuzzed files are made from: small, with functions, inlined calls in each other, a template, a lambda, a
// local class, and lines of several files. It is linked without a library and never executed.

#include "seed.hpp"

namespace seed {

template <class T>
static long sum_of(const T* values, long count) {
  long sum = 0;
  for (long i = 0; i < count; ++i) sum = add(sum, values[i]);
  return sum;
}

__attribute__((noinline)) long outer(const long* values, long count) {
  const auto twice = [](long value) { return add(value, value); };
  struct Local {
    long times(long value) const { return value * factor; }
    long factor;
  };
  const short shorts[] = {1, 2, 3};
  return twice(sum_of(values, count)) + Local{3}.times(sum_of(shorts, count % 3));
}

}  // namespace seed

extern "C" {
int main(int count, char**) {
  const long values[] = {1, 2, 3, count};
  return static_cast<int>(seed::outer(values, 4));
}
void _start() { main(1, nullptr); }
void* memset(void* to, int, unsigned long) { return to; }
}
