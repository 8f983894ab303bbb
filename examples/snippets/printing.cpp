// What docs/printing.md shows. Its argument is the program `gate`, followed by ages.
#include <iostream>
#include <sstream>

#include <trapline/trapline.hpp>

using namespace trapline;

static void step_and_see(const Thread& t) {
  RegisterValues before = read_registers(t);
  for (int i = 0; i < 2; ++i) {
    t.step();
    const RegisterValues now = read_registers(t);
    std::cout << "changed:";
    for (const std::string_view name : now.changed_since(before)) std::cout << ' ' << name;
    std::cout << '\n';
    before = now;
  }
}

static std::string report(const Thread& t) {
  std::ostringstream out;
  print_registers(out, read_registers(t));
  print_disassembly(out, t.disassemble(4));
  print_words(out, read_stack(t, 4));
  print_backtrace(out, t.backtrace());
  return out.str();
}

static void memory(const Process& p) {
  print_memory(std::cout, read_block(p, Location("stdin").in("libc"), 16), {.word_size = 8});
  print_maps(std::cout, p.maps().filter("stack"), {.color = Color::never});
}

static void pointers(const Process& p) {
  const MemoryMaps maps = p.maps();
  print_telescope(std::cout, p.memory().telescope(Location("stdin").in("libc")), {.maps = &maps});
  print_mitigations(std::cout, std::vector{p.binary()});
}

static void flags(const Registers& regs) {
  regs.set_flag("ZF", true);
  std::cout << "ZF is " << regs.flag("ZF") << ", set are";
  for (const std::string_view name : regs.flags()) std::cout << ' ' << name;
  std::cout << '\n';
}

int main(int, char** argv) {
  Debugger d({.argv = {argv + 1, argv + 4}});
  d.run();
  auto gate = d.breakpoint("may_pass");
  d.cont();
  const Thread t = d.wait().thread;
  step_and_see(t);
  const std::string text = report(t);
  std::cout << text;
  memory(d);
  pointers(d);
  flags(t.regs());
  gate.remove();

  const Observation trace = d.observe(trace_to(std::cout, {.color = uses_color(std::cout, Color::automatic)}, "write"));
  d.hijack_syscall("write", "getpid");
  d.cont();
  d.wait();
}
