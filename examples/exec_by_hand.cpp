// Makes any program a shell: execve("/bin/sh", 0, 0), set up by hand on a syscall instruction of libc and run by one
// step. The string is in libc anyway, for system(3). Run: exec_by_hand
#include <algorithm>
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static Address syscall_instruction(const Debugger& d) {
  const Bytes instruction = {std::byte{0x0f}, std::byte{0x05}};
  const MemoryMaps maps = d.maps();
  const auto hits = d.memory().find(instruction, {.in = "libc"});
  // The two bytes also occur in data.
  return *std::ranges::find_if(hits, [&](Address hit) { return maps.at(hit)->executable; });
}

int main() {
  Debugger d({.argv = {"true"}});
  const Stdio io = d.run();
  d.main_thread().set_pc(syscall_instruction(d));
  d.set_syscall_number("execve");
  d.set_syscall_arg(0, d.memory().find("/bin/sh", {.in = "libc"}).front());
  d.set_syscall_arg(1, 0);
  d.set_syscall_arg(2, 0);
  d.step();

  d.cont();
  io.sendline("echo a shell is what true is now; exit 7");
  std::cout << io.recvline() << "it exited with " << *d.wait().exit_code << '\n';
}
