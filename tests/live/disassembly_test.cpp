#include "support.hpp"

#include <algorithm>
#include <sstream>

#include <trapline/print_state.hpp>

namespace trapline::live {
namespace {

class DisassemblyLive : public Live {};

std::string shown(const std::vector<Instruction>& code) {
  std::ostringstream out;
  print_disassembly(out, code);
  return out.str();
}

TEST_F(DisassemblyLive, of_a_function_is_as_long_as_its_symbol) {
  Debugger d(program("steps"));
  d.run(no_stdio());
  const Symbol main = d.symbols().find("main").front();
  const auto code = d.disassemble_function("main+3");
  ASSERT_FALSE(code.empty());
  EXPECT_EQ(code.front().address(), main.address);
  EXPECT_EQ(code.back().next_address(), main.address + main.size);
  for (std::size_t i = 1; i < code.size(); ++i) EXPECT_EQ(code[i].address(), code[i - 1].next_address());
  EXPECT_TRUE(std::ranges::all_of(code, [](const Instruction& one) { return one.place.symbol == "main"; }));
  const auto calls = [](const std::string& name) {
    return [name](const Instruction& one) {
      return one.kind == InstructionKind::call && one.target && one.target->symbol == name && one.target->offset == 0;
    };
  };
  EXPECT_TRUE(std::ranges::any_of(code, calls("leaf"))) << shown(code);
  EXPECT_TRUE(std::ranges::any_of(code, calls("leaves"))) << shown(code);
}

TEST_F(DisassemblyLive, traps_are_invisible) {
  Debugger d(program("steps"));
  d.run(no_stdio());
  const std::string before = shown(d.disassemble_function("leaf"));
  for (const Instruction& one : d.disassemble_function("leaf")) d.breakpoint(one.address());
  EXPECT_EQ(shown(d.disassemble_function("leaf")), before);
}

TEST_F(DisassemblyLive, at_the_pc_with_what_is_in_front_of_it) {
  Debugger d(program("steps"));
  d.run(no_stdio());
  const auto whole = d.disassemble_function("recursive");
  ASSERT_GT(whole.size(), 6U);
  const Thread t = d.main_thread();
  t.set_pc(whole[4].address());
  const auto code = t.disassemble(3, {.before = 2});
  ASSERT_EQ(code.size(), 5U);
  for (std::size_t i = 0; i < code.size(); ++i) {
    EXPECT_EQ(code[i].text(), whole[i + 2].text());
    EXPECT_EQ(code[i].current, i == 2);
  }
  EXPECT_EQ(t.disassemble(1, {.before = 100}).size(), 5U) << "none is in front of the function";
  EXPECT_EQ(t.disassemble(0).size(), 0U);
  const auto longer = std::ranges::find_if(whole, [](const Instruction& one) { return one.bytes.size() > 1; });
  ASSERT_NE(longer, whole.end());
  t.set_pc(longer->address() + 1);
  EXPECT_EQ(t.disassemble(1, {.before = 2}).size(), 1U) << "the way from the start does not lead there";
}

TEST_F(DisassemblyLive, ends_where_the_memory_does) {
  Debugger d(program("places"));
  d.run(no_stdio());
  to_announcement(d);
  const auto edge = d.memory().read_value<std::uint64_t>(d.symbols().resolve("edge")) &
                    (d.arch() == Arch::i386 ? 0xffffffffU : ~std::uint64_t{0});
  // 65 65 65 ... is nothing but prefixes.
  d.memory().write(edge + 4090, "\x90\x90\xc3\xe8\x01\x02");
  const auto code = d.disassemble(edge + 4090, 100);
  ASSERT_GE(code.size(), 4U) << shown(code);
  EXPECT_EQ(code[2].mnemonic, "ret");
  EXPECT_EQ(code[3].mnemonic, "(bad)");
  EXPECT_EQ(code.back().next_address(), edge + 4096);
  EXPECT_EQ(d.disassemble_range(edge + 4090, edge + 4092).size(), 2U);
  EXPECT_TRUE(d.disassemble_range(edge + 4092, edge + 4090).empty());
  const Thread t = d.main_thread();
  t.set_pc(edge + 4096);
  EXPECT_TRUE(t.disassemble().empty());
}

TEST_F(DisassemblyLive, a_place_without_a_symbol_is_an_error_for_functions_only) {
  Debugger d(program("places"));
  d.run(no_stdio());
  to_announcement(d);
  const Address stack = d.maps().filter("stack").front().start;
  EXPECT_FALSE(d.disassemble(stack, 3).empty());
  EXPECT_NE(message_of<SymbolError>([&] { static_cast<void>(d.disassemble_function(stack)); }).find("give a range"),
            std::string::npos);
  EXPECT_THROW(static_cast<void>(d.disassemble("no_such_function", 3)), SymbolError);
}

TEST_F(DisassemblyLive, of_a_running_and_of_a_dead_process) {
  Debugger d(program("spin"));
  d.run(no_stdio());
  d.cont();
  EXPECT_FALSE(d.disassemble_function("main").empty());
  d.kill();
  EXPECT_THROW(static_cast<void>(d.disassemble_function("main")), ProcessGone);
}

TEST_F(DisassemblyLive, in_the_syntax_that_is_asked_for) {
  Debugger d(program("steps"));
  d.run(no_stdio());
  const std::string att = shown(d.disassemble_function("main", {.syntax = Syntax::att}));
  EXPECT_NE(att.find('%'), std::string::npos);
  EXPECT_EQ(shown(d.disassemble_function("main")).find('%'), std::string::npos);
}

}  // namespace
}  // namespace trapline::live
