// The README's first script: cat is denied every file. Run: first_script
#include <cerrno>
#include <iostream>
#include <trapline/trapline.hpp>

using namespace trapline;

static void deny(Thread& t, SyscallHandler&) {
  std::cout << "cat opens " << t.memory().read_string(t.syscall_arg(1)) << '\n';
  t.fail_syscall(EACCES);
}

int main() {
  Debugger d({.argv = {"cat", "/etc/passwd"}, .env = Environment{{"LC_ALL", "C"}}});
  const SyscallHandler opens = d.handle_syscall("openat", {.on_enter = deny});
  const Stdio io = d.run();
  d.cont();
  std::cout << io.recverrall();
  std::cout << d.wait() << ", " << opens.hit_count() << " open\n";
}
