/* lines [throw | stop]: announces 1 inside inlined calls; or throws an exception through some frames, where `stop`
 * stops it in the first destructor. The tests look for lines by the words behind `here`. */
#include "lines.hpp"

#include <stdexcept>

#include "tracee.h"

volatile long sink;

extern "C" long in_assembly(long value);

namespace space {

INLINED void innermost(long value) {
  syscall(SYS_getpgid, 0x7e570000 + value);  // here: announcement
  sink = value;
}

INLINED void around(long value) {
  sink = sink + value;
  innermost(value);  // here: call of innermost
}

FUNCTION void once(long value) {
  // Nothing. here: comment
  sink = value + 1;  // here: once
  in_a_header(value);
  around(value);  // here: call of around
  sink = sink + 2;
}

template <class T>
FUNCTION T doubled(T value) {
  sink = sink + static_cast<long>(value);  // here: doubled
  return value + value;
}

}  // namespace space

static bool stops;

struct Guard {
  ~Guard() {
    sink = sink + 1;
    if (stops) raise(SIGSTOP);
  }
};

FUNCTION long throwing(long depth) {
  const Guard guard;
  if (depth == 0) throw std::runtime_error("thrown");
  return throwing(depth - 1) + 1;
}

FUNCTION long caught() {
  try {
    return throwing(2);
  } catch (const std::exception&) {
    sink = 3;  // here: landing
    return 0;
  }
}

int main(int count, char** arguments) {
  stops = count > 1 && strcmp(arguments[1], "stop") == 0;
  if (count > 1) return static_cast<int>(caught());
  space::once(1);
  sink = space::doubled(1L) + static_cast<long>(space::doubled(1.0)) + in_assembly(7);
}

// here: nothing follows
