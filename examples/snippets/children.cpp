// What docs/children.md shows.
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static void trap_in_the_child(const Debugger& d) {
  d.on_fork([](Thread&, Process& child) {
    child.handle_syscall("execve", {.on_enter = [](Thread& t, SyscallHandler&) {
                           std::cout << "the child executes " << t.memory().read_string(t.syscall_arg(0)) << '\n';
                         }});
  });
}

static void each_end(Debugger& d) {
  try {
    for (;;) {
      const Stop stop = d.wait_any();
      if (stop.kind != StopKind::exited) stop.thread.process().cont();
    }
  } catch (const ProcessGone&) {
    // The last one has ended.
  }
}

static void stop_with_the_child(Debugger& d) {
  d.stop_on_fork();
  d.run();
  d.cont();
  const Stop stop = d.wait();
  const Process child = stop.child->process();
  std::cout << to_string(stop.kind) << ", and the child: " << to_string(child.wait().kind) << '\n';
  child.cont();
  d.cont();
  each_end(d);
  std::cout << d.children().size() << " child, exited with " << *child.exit_code() << '\n';
}

int main() {
  {
    Debugger d({.argv = {"sh", "-c", "/bin/true; exit 3"}});
    trap_in_the_child(d);
    d.run();
    d.cont();
    each_end(d);
  }
  Debugger d({.argv = {"sh", "-c", "(exit 7); exit 0"}});
  stop_with_the_child(d);
}
