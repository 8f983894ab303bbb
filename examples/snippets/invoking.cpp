// What docs/invoking.md shows.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <array>
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static void structs(const Debugger& d) {
  utsname system{};
  if (const auto result = d.invoke_syscall("uname", system); result < 0) {
    std::cout << "uname: " << error_name(static_cast<int>(-result)) << '\n';
  }
  std::cout << "it runs on " << system.sysname << '\n';
}

static void tell_where(Thread& t, SyscallHandler&) {
  struct stat file {};
  t.invoke_syscall("fstat", t.syscall_arg(0), file);
  std::cout << "it writes to " << (S_ISFIFO(file.st_mode) ? "a pipe\n" : "something else\n");
}

static void at_run_time(const Thread& t) {
  std::vector<InvokeArgument> arguments;
  arguments.emplace_back(AT_FDCWD);
  arguments.emplace_back("/no/such/directory");
  arguments.emplace_back(0755);
  std::cout << "mkdirat: " << t.invoke("mkdirat", arguments) << '\n';
}

int main() {
  Debugger d({.argv = {"echo", "hello"}});
  d.run();
  structs(d);
  at_run_time(d.main_thread());
  d.handle_syscall("write", {.on_enter = tell_where});
  d.cont();
  d.wait();
}
