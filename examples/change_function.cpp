// Changes what a function is given and what it returns, or keeps it from running at all, in callbacks.
// Run: change_function targets/gate 12 16 21
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static void older(Thread& t, Breakpoint&) { t.regs().set_rdi(t.regs().rdi() + 5); }

static void refuse(Thread& t, Breakpoint&) {
  t.finish();
  t.regs().set_rax(0);
}

static void skip(Thread& t, Breakpoint&) {
  const Address back = t.saved_ip();
  t.regs().set_rsp(t.regs().rsp() + sizeof(Address));
  t.regs().set_rax(1);
  t.set_pc(back);
}

static void show(Debugger& d, const char* title, BreakpointCallback callback) {
  const Breakpoint may_pass = d.breakpoint("may_pass", {.callback = std::move(callback)});
  const Stdio io = d.run();
  d.cont();
  std::cout << title << '\n' << io.recvall();
  d.wait();
  may_pass.remove();
}

int main(int argc, char** argv) {
  Debugger d({.argv = {argv + 1, argv + argc}});
  show(d, "five years older:", older);
  show(d, "whatever it finds, the answer is no:", refuse);
  show(d, "never asked:", skip);
}
