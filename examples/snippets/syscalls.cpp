// What docs/syscalls.md shows.
#include <fcntl.h>
#include <sys/syscall.h>

#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static void ignore(Thread&, SyscallHandler&) {}

static void sets(const Debugger& d) {
  d.handle_syscall(SYS_openat, {.on_enter = ignore});
  d.handle_syscall({"read", "write", "pread64"}, {.on_enter = ignore});
  d.handle_syscall("%file", {.on_enter = ignore});
  d.handle_syscall("/^(sched|clock)_/", {.on_enter = ignore});
  d.handle_syscall("all", {.on_enter = ignore});
}

static bool writes_to_stdout(Thread& t) { return t.syscall_arg(0) == 1; }

static SyscallHandler chosen(const Debugger& d) {
  return d.handle_syscall(
      "write",
      {.on_enter = ignore, .thread = d.main_thread(), .once = true, .ignore_count = 1, .condition = writes_to_stdout});
}

static void changes(const Debugger& d) {
  d.handle_syscall("getppid", {.on_enter = [](Thread& t, SyscallHandler&) { t.set_syscall_number("getpid"); }});
  d.handle_syscall("getuid", {.on_enter = [](Thread& t, SyscallHandler&) { t.skip_syscall(1000); }});
  d.handle_syscall("unlink", {.on_enter = [](Thread& t, SyscallHandler&) { t.fail_syscall(EPERM); }});
  d.handle_syscall("geteuid", {.on_exit = [](Thread& t, SyscallHandler&) { t.set_syscall_return(1000); }});
}

static void replaced(const SyscallHandler& handler) {
  handler.disable();
  handler.enable();
  handler.set_on_exit([](Thread& t, SyscallHandler& h) {
    std::cout << "call " << h.hit_count() << " of thread " << t.tid() << ": " << t.syscall_return() << '\n';
  });
  handler.remove();
}

static void filtered() {
  Debugger d({.argv = {"make", "-j2"}, .inherit_traps = true, .syscall_filter = true});
  d.handle_syscall("execve", {.on_enter = [](Thread& t, SyscallHandler&) {
                     std::cout << t.memory().read_string(t.syscall_arg(0)) << '\n';
                   }});
}

static void logged() {
  set_log_sink([](LogCategory, std::string_view line) { std::clog << line << '\n'; });
  set_log_sink({});
}

int main() {
  Debugger d({.argv = {"sh", "-c", "echo one; echo two; echo three"}});
  sets(d);
  changes(d);
  const Stdio io = d.run();
  const SyscallHandler second = chosen(d);
  d.cont();
  std::cout << io.recvall() << second.hit_count() << " chosen write of " << to_string(d.wait().kind) << '\n';
  replaced(second);
  filtered();
  logged();
}
