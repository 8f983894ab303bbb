// What docs/threads-and-callbacks.md shows.
#include <iostream>
#include <stdexcept>

#include <trapline/trapline.hpp>

using namespace trapline;

static std::size_t count_steps(Debugger& d, std::size_t most) {
  return d.on_tracer([&] {
    std::size_t steps = 0;
    while (steps < most && d.step().kind == StopKind::stepped) ++steps;
    return steps;
  });
}

static void stop_at_stdout(Thread& t, SyscallHandler&) {
  if (t.syscall_arg(0) == 1) t.process().interrupt();
}

static void look_at_all(Thread& t, SyscallHandler&) {
  const StoppedWorld world = t.process().stop_world();
  std::size_t mapped = 0;
  for (const Thread& one : t.process().threads()) mapped += t.process().maps().at(one.pc()) != nullptr ? 1 : 0;
  std::cout << mapped << " thread at rest in mapped memory\n";
}

static void stop_from_a_callback(const Debugger& d) {
  d.handle_syscall("write", {.on_enter = look_at_all});
  d.handle_syscall("write", {.on_enter = stop_at_stdout, .once = true});
  d.cont();
  std::cout << to_string(d.wait().kind) << '\n';
}

static void exceptions(const Debugger& d) {
  d.handle_syscall("exit_group", {.on_enter = [](Thread&, SyscallHandler&) { throw std::runtime_error("not yet"); }});
  d.cont();
  try {
    d.wait();
  } catch (const std::runtime_error& error) {
    std::cout << error.what() << ", its pc is " << (d.main_thread().pc() != 0 ? "readable\n" : "lost\n");
  }
  d.cont();
  std::cout << to_string(d.wait().kind) << '\n';
}

int main() {
  Debugger d({.argv = {"echo", "hello"}});
  d.run();
  std::cout << count_steps(d, 1000) << " steps\n";
  stop_from_a_callback(d);
  exceptions(d);
}
