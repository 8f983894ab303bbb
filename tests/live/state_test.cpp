#include "support.hpp"

#include <algorithm>
#include <sstream>

#include <trapline/print_state.hpp>
#include <trapline/trace_text.hpp>

namespace trapline::live {
namespace {

class State : public Live {
 protected:
  static Debugger at_places() {
    Debugger d(program("places"));
    d.run(no_stdio());
    to_announcement(d);
    return d;
  }
};

TEST_F(State, registers_lead_to_what_is_there) {
  Debugger d = at_places();
  const Thread t = d.main_thread();
  const bool wide = d.arch() == Arch::amd64;
  t.regs().set(wide ? "rbx" : "ebx", d.symbols().resolve("writable"));
  t.regs().set(wide ? "rsi" : "esi", d.symbols().resolve("magic") + 2);
  t.regs().set(wide ? "rdi" : "edi", 3);
  const RegisterValues values = read_registers(t);
  EXPECT_EQ(values.arch, d.arch());
  const RegisterValue* text = values.find(wide ? "rbx" : "ebx");
  ASSERT_TRUE(text != nullptr && text->pointee);
  EXPECT_EQ(text->word(), d.symbols().resolve("writable"));
  EXPECT_EQ(text->pointee->text, "writable text");
  EXPECT_EQ(text->pointee->place.symbol, "writable");
  EXPECT_EQ(text->pointee->map, tracee("places"));
  EXPECT_TRUE(text->pointee->writable);
  const RegisterValue* number = values.find(wide ? "rsi" : "esi");
  ASSERT_TRUE(number != nullptr && number->pointee);
  EXPECT_EQ(number->pointee->place.text(), "magic+0x2");
  EXPECT_EQ(*number->pointee->word & 0xffffffffU, 0xab1edeadU);
  EXPECT_FALSE(values.find(wide ? "rdi" : "edi")->pointee);
  EXPECT_EQ(values.find("xmm0"), nullptr);
  EXPECT_FALSE(read_registers(t, {.follow = false}).find(wide ? "rbx" : "ebx")->pointee);
}

TEST_F(State, the_widest_vector_registers_stand_for_all) {
  Debugger d = at_places();
  const Thread t = d.main_thread();
  const RegisterValues values = read_registers(t, {.vector = true});
  const auto names = t.regs().names();
  const auto has = [&](std::string_view name) { return std::ranges::find(names, name) != names.end(); };
  EXPECT_EQ(values.find("zmm0") != nullptr, has("zmm0"));
  EXPECT_EQ(values.find("ymm0") != nullptr, has("ymm0") && !has("zmm0"));
  EXPECT_EQ(values.find("xmm0") != nullptr, !has("ymm0") && !has("zmm0"));
  EXPECT_EQ(values.find("mm0"), nullptr);
  ASSERT_NE(values.find("st0"), nullptr);
  EXPECT_EQ(values.find("st0")->bytes.size(), 10U);
  EXPECT_EQ(values.find("st0")->role, RegisterRole::vector);
}

TEST_F(State, what_changed_between_two_stops) {
  Debugger d(program("steps"));
  d.run(no_stdio());
  const Thread t = d.main_thread();
  const RegisterValues before = read_registers(t);
  t.step();
  const auto changed = read_registers(t).changed_since(before);
  const std::string_view pc = d.arch() == Arch::amd64 ? "rip" : "eip";
  EXPECT_NE(std::ranges::find(changed, pc), changed.end());
  EXPECT_LT(changed.size(), 6U);
  EXPECT_TRUE(before.changed_since(before).empty());
}

TEST_F(State, registers_of_a_dead_thread_are_the_last_ones) {
  Debugger d(program("exit_with", {"3"}));
  d.run(no_stdio());
  run_out(d);
  const RegisterValues values = read_registers(d.main_thread());
  ASSERT_FALSE(values.list.empty());
  EXPECT_TRUE(std::ranges::none_of(values.list, [](const RegisterValue& value) { return value.pointee.has_value(); }));
}

TEST_F(State, the_stack_and_what_is_behind_it) {
  Debugger d = at_places();
  const Thread t = d.main_thread();
  const auto words = read_stack(t, 4);
  ASSERT_EQ(words.size(), 4U);
  const bool wide = d.arch() == Arch::amd64;
  EXPECT_EQ(words.front().place.address, t.regs().get(wide ? "rsp" : "esp"));
  EXPECT_EQ(words[1].place.address - words[0].place.address, wide ? 8U : 4U);
  ASSERT_TRUE(words.front().pointee) << "the return address";
  EXPECT_TRUE(words.front().pointee->executable);
  const MemoryMap stack = d.maps().filter("stack").front();
  EXPECT_EQ(read_words(d, stack.end - (wide ? 16 : 8), 100).size(), 2U);
  t.regs().set(wide ? "rsp" : "esp", 0x10);
  EXPECT_TRUE(read_stack(t).empty());
}

TEST_F(State, a_block_ends_where_the_memory_does) {
  Debugger d = at_places();
  const MemoryBlock text = read_block(d, "writable+1", 12);
  EXPECT_EQ(text.start.text(), "writable+0x1");
  EXPECT_EQ(text.end.text(), "writable+0xd");
  EXPECT_EQ(text.bytes.size(), 12U);
  const MemoryMap stack = d.maps().filter("stack").front();
  const MemoryBlock cut = read_block(d, stack.end - 8, std::size_t{1} << 40U);
  EXPECT_EQ(cut.bytes.size(), 8U);
  EXPECT_EQ(cut.wanted, std::size_t{1} << 40U);
  EXPECT_EQ(cut.end.address, stack.end);
  EXPECT_TRUE(read_block(d, "writable", 0).bytes.empty());
}

TEST_F(State, flags_by_name) {
  Debugger d(program("steps"));
  d.run(no_stdio());
  const Registers regs = d.regs();
  for (const char* name : {"CF", "PF", "AF", "ZF", "SF", "DF", "OF", "AC"}) {
    regs.set_flag(name, true);
    EXPECT_TRUE(regs.flag(name)) << name;
    const auto set = regs.flags();
    EXPECT_NE(std::ranges::find(set, name), set.end()) << name;
  }
  for (const char* name : {"CF", "PF", "AF", "ZF", "SF", "DF", "OF", "AC"}) regs.set_flag(name, false);
  EXPECT_EQ(regs.flags(), (std::vector<std::string_view>{"IF"}));
  EXPECT_NE(message_of<UsageError>([&] { static_cast<void>(regs.flag("Z")); }).find("ZF"), std::string::npos);
  EXPECT_THROW(regs.set_flag("IF", false), UsageError);
}

/// The kernel keeps what was written: each is still there when it is read from there anew.
TEST_F(State, flags_that_are_written_reach_the_program) {
  Debugger d(program("steps"));
  d.run(no_stdio());
  for (const char* name : {"CF", "PF", "AF", "ZF", "SF", "DF", "OF", "NT"}) {
    for (const bool value : {true, false}) {
      // A nop changes no flag.
      const Address pc = d.main_thread().pc();
      const Bytes before = d.memory().read(pc, 1);
      d.memory().write(pc, "\x90");
      d.regs().set_flag(name, value);
      d.step();
      EXPECT_EQ(d.regs().flag(name), value) << name;
      d.main_thread().set_pc(pc);
      d.memory().write(pc, before);
    }
  }
}

TEST_F(State, a_trace_goes_to_any_stream) {
  std::ostringstream out;
  Debugger d(program("exit_with", {"3"}));
  d.run(no_stdio());
  d.hijack_syscall("exit_group", "exit", {.arg0 = 4});
  {
    const Observation trace = d.observe(trace_to(out, {.thread_ids = true, .color = true}, "exit_group"));
    EXPECT_EQ(run_out(d).exit_code, 4);
  }
  EXPECT_NE(out.str().find("] \033[0m\033[9mexit_group(3)\033[29m -> exit(4) = ? (hijacked)\n"), std::string::npos)
      << out.str();
  EXPECT_NE(out.str().find("\033[33m+++ exited with 4 +++\033[0m\n"), std::string::npos) << out.str();
}

}  // namespace
}  // namespace trapline::live
