// Without a callback a handler is synchronous: the process stops at the call's enter and again at its exit, and the
// handler tells which of the two it is. Run: stop_at_open targets/reader /proc/sys/kernel/ostype /nowhere
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

int main(int argc, char** argv) {
  Debugger d({.argv = {argv + 1, argv + argc}});
  const SyscallHandler opens = d.handle_syscall("openat");
  const Stdio io = d.run();
  for (;;) {
    d.cont();
    const Stop stop = d.wait();
    if (stop.kind == StopKind::exited) break;
    const Thread& t = stop.thread;
    if (opens.hit_on_enter(t)) std::cout << "opens " << t.memory().read_string(t.syscall_arg(1));
    if (opens.hit_on_exit(t)) std::cout << " -> " << t.syscall_return() << '\n';
  }
  std::cout << io.recvall();
}
