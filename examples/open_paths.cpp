// Changes a syscall on its way in and out: every path that the program opens loses the prefix "/jail", and an open that
// fails for a missing file is reported to it as a lack of permission.
// Run: open_paths targets/reader /jail/proc/sys/kernel/ostype /jail/nowhere
#include <cerrno>
#include <iostream>
#include <string>

#include <trapline/trapline.hpp>

using namespace trapline;

static const std::string jail = "/jail";

static void leave_jail(Thread& t, SyscallHandler&) {
  const Address path = t.syscall_arg(1);
  // The rest of the string is a path already, so that the argument only has to point further into it.
  if (t.memory().read_string(path).starts_with(jail)) t.set_syscall_arg(1, path + jail.size());
}

static void hide_missing(Thread& t, SyscallHandler&) {
  if (t.syscall_return() == -ENOENT) t.set_syscall_return(-EACCES);
}

int main(int argc, char** argv) {
  Debugger d({.argv = {argv + 1, argv + argc}});
  const SyscallHandler opens = d.handle_syscall("openat", {.on_enter = leave_jail, .on_exit = hide_missing});
  const Stdio io = d.run();
  d.cont();
  std::cout << io.recvall();
  d.wait();
  std::cout << opens.hit_count() << " files were opened\n";
}
