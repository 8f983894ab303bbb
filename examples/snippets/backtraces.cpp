// What docs/backtraces.md shows.
#include <algorithm>
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static void tell_who_writes(Thread& t, SyscallHandler&) {
  const std::vector<Frame> frames = t.backtrace();
  std::cout << frames;
  const auto is_of_echo = [](const Frame& frame) { return frame.module.ends_with("/echo"); };
  const auto own = std::ranges::find_if(frames, is_of_echo);
  if (own != frames.end()) std::cout << "echo itself was at offset " << std::hex << own->offset << std::dec << '\n';
}

static void tell_return(const Thread& t) {
  const Address back_at = t.saved_ip();
  std::cout << "it goes on at " << t.process().symbols().at(back_at - 1)->name << '\n';
}

int main() {
  Debugger d({.argv = {"echo", "hello"}});
  const Stdio io = d.run();
  auto handler = d.handle_syscall("write", {.on_enter = tell_who_writes});
  d.cont();
  d.wait();
  std::cout << io.recvline();

  Debugger again({.argv = {"echo", "hello"}});
  again.run();
  auto write = again.handle_syscall("write");
  again.cont();
  tell_return(again.wait().thread);
}
