// A fault stops the process before the signal kills it. The register is mended, the signal dropped, and the instruction
// runs again. Run: survive_fault targets/crasher
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

int main(int argc, char** argv) {
  Debugger d({.argv = {argv + 1, argv + argc}});
  d.catch_signal("SIGSEGV");
  const Stdio io = d.run();
  d.cont();
  const Stop stop = d.wait();
  std::cout << signal_name(stop.signal) << ", rax is " << stop.thread.regs().rax() << '\n';
  stop.thread.regs().set_rax(d.symbols().resolve("answer"));
  stop.thread.set_signal(0);
  d.cont();
  std::cout << io.recvall();
}
