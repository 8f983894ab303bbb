// What docs/running-a-process.md shows.
#include <chrono>
#include <iostream>

#include <sys/resource.h>

#include <trapline/trapline.hpp>

using namespace trapline;
using namespace std::chrono_literals;

static void options() {
  Debugger d({.argv = {"my-shell", "-c", "echo $0 says $GREETING in $(pwd)"},
              .path = "/bin/sh",
              .env = Environment{{"GREETING", "hello"}},
              .cwd = "/proc",
              .limits = {{.resource = RLIMIT_NOFILE, .soft = 20, .hard = 20}},
              .aslr = false});
  const Stdio io = d.run();
  d.cont();
  std::cout << io.recvline();
  d.wait();
}

static void again() {
  Debugger d({.argv = {"echo"}});
  const SyscallHandler writes = d.handle_syscall("write", {.on_exit = [](Thread&, SyscallHandler&) {}});
  for (const char* word : {"one", "two"}) {
    d.set_argv({"echo", word});
    const Stdio io = d.run();
    d.cont();
    std::cout << io.recvline();
    d.wait();
    std::cout << writes.hit_count() << " write, exit code " << *d.exit_code() << '\n';
  }
}

static void limit() {
  Debugger d({.argv = {"sleep", "1000"}});
  d.run({.kill_after = 100ms});
  d.cont();
  const Stop stop = d.wait();
  std::cout << to_string(stop.kind) << " by " << signal_name(*stop.exit_signal)
            << (stop.timed_out ? ", its time was up\n" : "\n");
}

static void interrupted() {
  Debugger d({.argv = {"sleep", "1000"}});
  d.run();
  d.cont();
  try {
    d.wait(50ms);
  } catch (const TimedOut&) {
    d.interrupt();
    std::cout << to_string(d.wait().kind) << '\n';
  }
  d.kill();
}

int main() {
  options();
  again();
  limit();
  interrupted();
}
