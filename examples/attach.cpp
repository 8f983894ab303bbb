// Attaches to a running process, looks and listens for a moment, and lets it go as if nothing had been there.
// Run: targets/ticker & attach $!
#include <array>
#include <cstdlib>
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static void listen(Thread& t, SyscallHandler& handler) {
  std::cout << "it writes: " << t.memory().read_string(t.syscall_arg(1), t.syscall_arg(2)) << '\n';
  if (handler.hit_count() == 3) t.process().interrupt();
}

int main(int, char** argv) {
  Debugger d({});
  d.attach(std::atoi(argv[1]));
  std::array<char, 4096> directory{};
  d.invoke_syscall("getcwd", directory, directory.size());
  std::cout << d.threads().size() << " thread, working in " << directory.data() << '\n';

  d.handle_syscall("write", {.on_enter = listen});
  d.cont();
  std::cout << d.wait() << '\n';
  d.detach();
}
