// Lets each write of a program fail once, one run for each, and shows which failures it does not notice.
// Run: fail_syscalls targets/saver
#include <cerrno>
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static void disk_full(Thread& t, SyscallHandler&) { t.fail_syscall(ENOSPC); }

int main(int, char** argv) {
  Debugger d({.argv = {argv[1]}});
  for (std::size_t n = 1;; ++n) {
    const SyscallHandler fault =
        d.handle_syscall("write", {.on_enter = disk_full, .once = true, .ignore_count = n - 1});
    d.run();
    d.cont();
    const Stop stop = d.wait();
    if (fault.hit_count() == 0) break;
    fault.remove();
    std::cout << "write " << n << " fails: " << (stop.exit_code == 0 ? "NOT noticed" : "noticed") << '\n';
  }
}
