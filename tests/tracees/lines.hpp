#pragma once

#define INLINED static inline __attribute__((always_inline))
#define FUNCTION __attribute__((noinline, noclone))

extern volatile long sink;

INLINED void in_a_header(long value) {
  sink = sink + value;  // here: header
}
