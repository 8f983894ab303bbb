// What docs/disassembly.md shows. Its argument is the program `gate`, followed by ages.
#include <algorithm>
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static void whole_function(const Debugger& d) {
  const std::vector<Instruction> code = d.disassemble_function("may_pass");
  print_disassembly(std::cout, code);
  const auto is_return = [](const Instruction& one) { return one.kind == InstructionKind::ret; };
  std::cout << "it returns in " << std::ranges::count_if(code, is_return) << " place(s)\n";
}

static void who_is_called(const Debugger& d) {
  for (const Instruction& one : d.disassemble_function("main")) {
    if (one.kind == InstructionKind::call && one.target) std::cout << "main calls " << one.target->text() << '\n';
  }
}

static void around_the_pc(const Thread& t) {
  for (const Instruction& one : t.disassemble(3, {.syntax = Syntax::att, .before = 2})) {
    std::cout << (one.current ? "=> " : "   ") << one.place.text() << ": " << one.text() << '\n';
  }
}

static void without_a_process() {
  const unsigned char bytes[] = {0x31, 0xc0, 0x06, 0xc3};
  for (const Instruction& one : disassemble(std::as_bytes(std::span(bytes)), 0x1000, Arch::amd64)) {
    std::cout << one.text() << '\n';
  }
}

int main(int, char** argv) {
  Debugger d({.argv = {argv + 1, argv + 4}});
  d.run();
  whole_function(d);
  who_is_called(d);
  d.breakpoint(d.disassemble_function("may_pass").at(1).address());
  d.cont();
  around_the_pc(d.wait().thread);
  without_a_process();
}
