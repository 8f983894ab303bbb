// A host program to be killed: host_killed kill|free|bound [PID [SYMBOL...]]. It traces a tracee that uses our own
// input and output, or the process, with breakpoints on the symbols; prints its pid first, and waits. "bound" is free,
// on one CPU.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <unistd.h>

#include "support.hpp"

int main(int argc, char** argv) {
  using namespace trapline;
  if (argc < 2) return 2;
  const std::string what = argv[1];
  DebuggerOptions options = live::program("echo");
  options.kill_on_exit = what == "kill";
  options.one_cpu = what == "bound";
  Debugger d(options);
  if (argc > 2) {
    d.attach(std::atoi(argv[2]));
  } else {
    d.run(live::inherited());
  }
  for (int i = 3; i < argc; ++i) d.breakpoint(argv[i], {.callback = [](Thread&, Breakpoint&) {}});
  std::printf("%d\n", static_cast<int>(d.pid()));
  std::fflush(stdout);
  const SyscallHandler handler = d.handle_syscall("all", {.on_enter = [](Thread&, SyscallHandler&) {}});
  d.cont();
  if (argc > 3) {
    std::puts("goes on");
    std::fflush(stdout);
  }
  for (;;) ::pause();
}
