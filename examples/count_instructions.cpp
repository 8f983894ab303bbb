// Finds a password by counting instructions: the more of a guess is right, the more of them the check executes.
// Run: count_instructions targets/lock
#include <algorithm>
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static std::size_t instructions_of(Debugger& d, const Thread& t) {
  return d.on_tracer([&] {
    const Address back = t.saved_ip();
    std::size_t count = 0;
    for (; t.pc() != back; ++count) t.step();
    return count;
  });
}

int main(int, char** argv) {
  Debugger d({.argv = {argv[1]}});
  d.breakpoint("check_password");
  const Stdio io = d.run();
  d.cont();

  std::string found;
  std::string answer;
  while (answer != "open\n" && found.size() < 32) {
    std::pair<std::size_t, char> best{0, '?'};
    for (char letter = 'a'; letter <= 'z' && answer != "open\n"; ++letter) {
      io.sendline(found + letter);
      best = std::max(best, {instructions_of(d, d.wait().thread), letter});
      d.cont();
      answer = io.recvline();
    }
    found += best.second;
  }
  std::cout << "the password is " << found << '\n';
}
