// Counts how a program allocates memory, without knowing anything about it.
// Run: count_allocations ls
#include <cstdint>
#include <iostream>
#include <vector>

#include <trapline/trapline.hpp>

using namespace trapline;

int main(int argc, char** argv) {
  Debugger d({.argv = {argv + 1, argv + argc}});
  std::uint64_t bytes = 0;
  const auto add = [&](Thread& t, Breakpoint&) { bytes += t.regs().rdi(); };
  const auto count = [](Thread&, Breakpoint&) {};
  const std::vector<Breakpoint> breakpoints{
      d.breakpoint(Location("malloc").in("libc"), {.callback = add}),
      d.breakpoint(Location("calloc").in("libc"), {.callback = count}),
      d.breakpoint(Location("realloc").in("libc"), {.callback = count}),
      d.breakpoint(Location("free").in("libc"), {.callback = count}),
  };
  d.run({.stdio = {.out = Stream::null()}});
  d.cont();
  std::cout << argv[1] << ' ' << d.wait() << '\n';
  for (const Breakpoint& one : breakpoints) std::cout << one.location().text() << ": " << one.hit_count() << '\n';
  std::cout << bytes << " bytes by malloc\n";
}
