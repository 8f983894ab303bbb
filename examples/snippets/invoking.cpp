// What docs/invoking.md shows.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <array>
#include <cerrno>
#include <iostream>
#include <string_view>
#include <vector>

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

static void together(const Debugger& d) {
  std::array<char, 5> name{};
  const auto results = d.invoke_batch({
      {"openat", AT_FDCWD, "/proc/self/comm", O_RDONLY},
      {"read", result_of(0), name, name.size()},
      {"close", result_of(0)},
  });
  std::cout << "its name is " << std::string_view(name.data(), static_cast<std::size_t>(results[1])) << '\n';
}

static void until_one_fails(const Debugger& d) {
  const std::vector<BatchCall> calls{{"getpid"}, {"chdir", "/no/such/directory"}, {"getppid"}};
  const auto results = d.invoke_batch(calls, {.stop_at_error = true});
  std::cout << results.size() << " of " << calls.size() << " calls were made\n";
}

static void many(const Debugger& d) {
  std::vector<BatchCall> calls;
  for (int fd = 0; fd < 100; ++fd) calls.emplace_back("fcntl", fd, F_GETFD);
  const auto flags = d.invoke_batch(calls);
  std::cout << "descriptor 99 is " << (flags[99] == -EBADF ? "closed\n" : "open\n");
}

int main() {
  Debugger d({.argv = {"echo", "hello"}});
  d.run();
  structs(d);
  at_run_time(d.main_thread());
  together(d);
  until_one_fails(d);
  many(d);
  d.handle_syscall("write", {.on_enter = tell_where});
  d.cont();
  d.wait();
}
