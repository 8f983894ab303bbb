// What docs/one-cpu.md shows.
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

int main() {
  Debugger d({.argv = {"sh", "-c", "nproc"}, .inherit_traps = true, .syscall_filter = true, .one_cpu = true});
  const SyscallHandler writes = d.handle_syscall("write", {.on_enter = [](Thread&, SyscallHandler&) {}});
  d.run({.stdio = {.out = Stream::null()}});
  d.cont();
  const Stop stop = d.wait();
  std::cout << "exit " << *stop.exit_code << " after " << writes.hit_count() << " writes\n";
}
