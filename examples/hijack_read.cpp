// The program reads its input over a secret. Hijacked into a write, the same call prints the secret instead.
// Run: hijack_read targets/keeper
#include <iostream>

#include <unistd.h>

#include <trapline/trapline.hpp>

using namespace trapline;

int main(int, char** argv) {
  Debugger d({.argv = {argv[1]}});

  // The arguments given replace the program's, here read's descriptor; buffer and size stay.
  const SyscallHandler to_stdout = d.hijack_syscall("read", "write", {.arg0 = STDOUT_FILENO});
  Stdio io = d.run();
  d.cont();
  std::cout << "by its output: " << io.recvline();
  d.wait();
  to_stdout.remove();

  // A terminal can be written through any of its descriptors, so that there the number alone will do.
  d.hijack_syscall("read", "write");
  io = d.run({.stdio = {.in = Stream::pty(), .out = Stream::pty()}});
  d.cont();
  std::cout << "by its input: " << io.recvline();
  d.wait();
}
