#include <algorithm>
#include <array>
#include <span>

#include "hits.hpp"

namespace trapline::live {
namespace {

using BreakpointLive = Live;

TEST_F(BreakpointLive, waits_for_its_library) {
  auto d = hits({"plugin", "4", tracee("plugin.so")});
  const Breakpoint by_option =
      d.breakpoint("plugin_function", {.callback = [](Thread&, Breakpoint&) {}, .pending = true});
  const Breakpoint by_module =
      d.breakpoint(Location("plugin_function").in("plugin.so"), {.callback = [](Thread&, Breakpoint&) {}});
  const Stdio io = d.run(piped());
  EXPECT_FALSE(by_option.armed());
  EXPECT_FALSE(by_option.address());
  d.cont();
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), std::to_string(3 * (7 + 8 + 9 + 10)) + "\n");
  EXPECT_EQ(by_option.hit_count(), 12U);
  EXPECT_EQ(by_module.hit_count(), 12U);
}

TEST_F(BreakpointLive, waits_for_its_library_from_the_first_instruction_on) {
  DebuggerOptions options = program("hits", {"loop", "4"});
  options.continue_to_entry = false;
  Debugger d(std::move(options));
  const Breakpoint target = d.breakpoint("target", {.callback = [](Thread&, Breakpoint&) {}});
  const Breakpoint writes = d.breakpoint(Location("write").in("libc"), {.callback = [](Thread&, Breakpoint&) {}});
  d.run(no_stdio());
  EXPECT_TRUE(target.armed());
  EXPECT_FALSE(writes.armed());
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(target.hit_count(), 4U);
  EXPECT_EQ(writes.hit_count(), 1U);
}

TEST_F(BreakpointLive, placed_on_code_written_since_the_one_before_it) {
  constexpr std::array<unsigned char, 6> returns_42{0xb8, 42, 0, 0, 0, 0xc3};
  auto d = hits({"loop", "3"});
  const Stdio io = d.run(piped());
  const Address target = d.symbols().resolve("target");
  const Breakpoint near = d.breakpoint("never", {.callback = [](Thread&, Breakpoint&) {}});
  d.memory().write(target, std::as_bytes(std::span(returns_42)));
  const Breakpoint breakpoint = d.breakpoint(target, {.callback = [](Thread&, Breakpoint&) {}});
  d.cont();
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  EXPECT_EQ(breakpoint.hit_count(), 3U);
  EXPECT_EQ(rest_of_output(io), "126\n");
}

TEST_F(BreakpointLive, nothing_is_no_place) {
  Debugger d(program("hits", {"loop", "1"}));
  EXPECT_THROW(d.breakpoint(""), UsageError);
  EXPECT_THROW(d.watchpoint(""), UsageError);
}

TEST_F(BreakpointLive, errors_name_the_remedy) {
  auto d = hits({"loop", "1"});
  const Breakpoint unknown = d.breakpoint("targt");
  EXPECT_NE(message_of<SymbolError>([&] { d.run(no_stdio()); }).find("target"), std::string::npos);
  EXPECT_TRUE(d.dead());
  unknown.remove();
  d.run(no_stdio());
  EXPECT_NE(message_of<SymbolError>([&] { d.breakpoint("targt"); }).find("near names: target"), std::string::npos);
  EXPECT_NE(message_of<UsageError>([&] { d.breakpoint("calls"); }).find("watchpoint"), std::string::npos);
  EXPECT_NE(message_of<UsageError>([&] { d.breakpoint(0x10); }).find("where nothing is executed"), std::string::npos);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(BreakpointLive, for_a_thread_of_another_process_is_refused) {
  Debugger other(program("hits", {"loop", "1"}));
  other.run(no_stdio());
  Debugger d(program("hits", {"loop", "3"}));
  d.run(no_stdio());
  EXPECT_THROW(d.breakpoint("target", {.thread = other.main_thread()}), UsageError);
  EXPECT_THROW(d.handle_syscall("write", {.thread = other.main_thread()}), UsageError);
  EXPECT_THROW(d.catch_signal("SIGUSR1", {.thread = other.main_thread()}), UsageError);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(BreakpointLive, numbers_are_places_in_files_in_the_next_run) {
  auto d = hits({"loop", "6"});
  d.run(no_stdio());
  const Address address = d.symbols().resolve(Location("target").in("binary"));
  const Breakpoint target = d.breakpoint(address, {.callback = [](Thread&, Breakpoint&) {}});
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(target.hit_count(), 6U);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(run_to_exit(d), 0);
    EXPECT_EQ(target.hit_count(), 6U) << "at another address, with address space randomised";
  }
}

TEST_F(BreakpointLive, children_run_free_of_it) {
  for (const char* mode : {"fork", "spawn", "system"}) {
    auto d = hits({mode, "7"});
    auto untouched = hits({mode, "7"});
    const Breakpoint target = d.breakpoint("target", {.callback = [](Thread&, Breakpoint&) {}});
    const Breakpoint exec = d.breakpoint(Location("execve").in("libc"), {.callback = [](Thread&, Breakpoint&) {}});
    EXPECT_EQ(run_for_output(d).output, run_for_output(untouched).output) << mode;
    EXPECT_EQ(target.hit_count(), 0U) << mode;
    EXPECT_EQ(exec.hit_count(), 0U) << mode;
  }
}

TEST_F(BreakpointLive, a_child_that_shares_the_memory_is_stepped_over_it_silently) {
  auto d = hits({"vfork", "7"});
  const Breakpoint target = d.breakpoint("target", {.callback = [](Thread&, Breakpoint&) {}});
  const Breakpoint done = d.breakpoint("done", {.callback = [](Thread&, Breakpoint&) {}});
  EXPECT_EQ(run_for_output(d).output, std::to_string(expected_sum(7)) + "\n");
  EXPECT_EQ(target.hit_count(), 0U);
  EXPECT_EQ(done.hit_count(), 1U) << "the trap is still there";
}

TEST_F(BreakpointLive, an_invoked_child_has_none_of_it) {
  auto d = hits({"announced", "3"});
  const Breakpoint target = d.breakpoint("target", {.callback = [](Thread&, Breakpoint&) {}});
  const Stdio io = d.run(piped());
  to_announcement(d);
  const auto child = static_cast<pid_t>(d.invoke_syscall("fork"));
  ASSERT_GT(child, 0);
  EXPECT_EQ(run_out(d).exit_code, 0);
  // Both print: the child goes on like the parent.
  const std::string output = rest_of_output(io);
  EXPECT_EQ(std::ranges::count(output, '\n'), 2) << output;
  EXPECT_EQ(target.hit_count(), 3U);
}

TEST_F(BreakpointLive, by_symbol_it_lives_through_an_exec) {
  auto d = hits({"exec", "3"});
  const Breakpoint target = d.breakpoint("target", {.callback = [](Thread&, Breakpoint&) {}});
  const Breakpoint writes = d.breakpoint(Location("write").in("libc"), {.callback = [](Thread&, Breakpoint&) {}});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(target.hit_count(), 4U);
  EXPECT_EQ(writes.hit_count(), 1U);
}

TEST_F(BreakpointLive, by_number_it_is_dropped_by_an_exec_and_back_in_the_next_run) {
  auto d = hits({"exec", "3"});
  d.run(no_stdio());
  const Breakpoint target =
      d.breakpoint(d.symbols().resolve(Location("target").in("binary")), {.callback = [](Thread&, Breakpoint&) {}});
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(target.hit_count(), 1U) << "only before the exec";
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(target.hit_count(), 1U);
}

}  // namespace
}  // namespace trapline::live
