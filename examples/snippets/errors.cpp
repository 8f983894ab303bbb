// What docs/errors.md shows.
#include <cerrno>
#include <iostream>

#include <unistd.h>

#include <trapline/trapline.hpp>

using namespace trapline;

static void by_type(Debugger& d) {
  try {
    d.run();
  } catch (const OsError& error) {
    if (error.code() == std::errc::no_such_file_or_directory) std::cout << error.what() << '\n';
  }
}

template <class F>
static void show(F&& function) {
  try {
    function();
  } catch (const Error& error) {
    std::cout << error.what() << '\n';
  }
}

int main() {
  Debugger missing({.argv = {"no-such-program"}});
  by_type(missing);
  show([&] { missing.wait(); });
  for (const char* path : {"/", "/etc/passwd", "/no/such/program"}) show([&] { Debugger({.argv = {path}}).run(); });
  show([] { Debugger({}).run(); });
  show([] { Debugger({}).attach(getpid()); });

  Debugger d({.argv = {"true"}});
  d.run();
  show([&] { d.handle_syscall("opneat"); });
  show([&] { d.hijack_syscall("read", "read"); });
  show([&] { static_cast<void>(d.memory().read(1, 8)); });
  show([&] { static_cast<void>(d.symbols().resolve("mainn")); });
  show([&] { d.main_thread().skip_syscall(0); });
  show([&] { d.wait(); });
  d.handle_syscall("exit_group", {.on_enter = [](Thread& t, SyscallHandler&) { t.process().wait(); }});
  d.cont();
  show([&] { d.wait(); });
  d.kill();
  show([&] { d.invoke_syscall("getpid"); });
  show([&] { d.cont(); });
}
