// What docs/stepping.md shows. Run: snippets_stepping targets/gate
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static void tell_results(Thread& t, Breakpoint&) {
  const int age = static_cast<int>(t.regs().edi());
  if (t.finish().kind == StopKind::stepped) std::cout << age << " -> " << t.regs().eax() << '\n';
}

static void lines_of(const Thread& t) {
  const Address back = t.saved_ip();
  std::size_t instructions = 0;
  while (t.pc() != back) {
    if (const Stop stop = t.next(); stop.kind != StopKind::stepped) {
      std::cout << "ended early: " << stop << '\n';
      return;
    }
    ++instructions;
  }
  std::cout << (instructions < 20 ? "a handful of instructions\n" : "many instructions\n");
}

static void up_to_main(const Debugger& d) {
  const Stop stop = d.step_until("may_pass", 100'000);
  if (stop.kind == StopKind::stepped && d.main_thread().pc() == d.symbols().resolve("may_pass")) {
    std::cout << "it is asked again\n";
  }
}

int main(int, char** argv) {
  Debugger d({.argv = {argv[1], "12", "21"}});
  const Breakpoint results = d.breakpoint("may_pass", {.callback = tell_results});
  d.run();
  d.cont();
  d.wait();
  results.remove();

  const Breakpoint may_pass = d.breakpoint("may_pass", {.once = true});
  d.run();
  d.cont();
  lines_of(d.wait().thread);
  up_to_main(d);
}
