// Counts the syscalls of each thread. Callbacks run one at a time, on the tracer thread, so that they need no lock.
// Run: threads targets/workers
#include <iostream>
#include <map>

#include <trapline/trapline.hpp>

using namespace trapline;

int main(int, char** argv) {
  Debugger d({.argv = {argv[1]}});
  std::map<pid_t, int> calls;
  d.handle_syscall("getppid", {.on_exit = [&](Thread& t, SyscallHandler&) { ++calls[t.tid()]; }});
  int born = 0;
  const Observation watch = d.observe({.on_thread_born = [&](Thread&) { ++born; }});
  d.run();
  d.cont();
  d.wait();
  std::cout << born << " threads were born\n";
  for (const auto& [tid, count] : calls) std::cout << "thread " << tid << ": " << count << " calls\n";
}
