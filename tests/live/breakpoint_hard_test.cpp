#include "support.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>

#include "core/breakpoints.hpp"
#include "core/process.hpp"

namespace trapline::live {
namespace {

using Path = core::Breakpoints::Path;

const auto nothing = [](Thread&, Breakpoint&) {};

void force(Debugger& d, Path path) {
  const auto& process = d.main_thread().state()->process;
  d.on_tracer([&] { process->breakpoints().force(path); });
}

/// Code and moments that are hard for traps, in every way past a trapped instruction.
class HardPlaces : public Live, public ::testing::WithParamInterface<Path> {
 protected:
  /// Runs `hard ARGS` to its end with callbacks on the sites, and returns its output.
  std::string run(std::vector<std::string> args, const std::vector<std::string>& sites, bool handlers = false) {
    Debugger d(program("hard", std::move(args)));
    breakpoints.clear();
    for (const auto& site : sites) breakpoints.push_back(d.breakpoint(site, {.callback = nothing}));
    if (handlers) d.handle_syscall("all", {.on_enter = [](Thread&, SyscallHandler&) {}});
    const Stdio io = d.run(piped());
    force(d, GetParam());
    d.cont();
    std::string output = rest_of_output(io);
    const Stop stop = d.wait(patience);
    EXPECT_EQ(stop.exit_code, 0) << stop;
    counts.clear();
    for (const Breakpoint& breakpoint : breakpoints) counts.push_back(breakpoint.hit_count());
    return output;
  }
  std::vector<Breakpoint> breakpoints;
  std::vector<std::size_t> counts;
  using Counts = std::vector<std::size_t>;
};

TEST_P(HardPlaces, a_fault_shows_the_instructions_own_address) {
  EXPECT_EQ(run({"faults", "5"}, {"load_fault", "divide_fault", "illegal", "own_trap"}), "20020\n");
  EXPECT_EQ(counts, Counts(4, 5));
  EXPECT_EQ(run({"faults", "5"}, {"after_load", "after_divide", "after_illegal", "after_own_trap"}), "20020\n");
  EXPECT_EQ(counts, Counts(4, 5));
}

TEST_P(HardPlaces, what_may_not_be_written_faults) {
  EXPECT_EQ(run({"push_fault", "5"}, {"push_fault"}), "5005\n");
  EXPECT_EQ(counts, Counts(1, 5));
}

TEST_P(HardPlaces, a_restarted_call_is_one_hit) {
  for (const bool handlers : {false, true}) {
    EXPECT_EQ(run({"read_restart", "10"}, {"block_site", "after_block"}, handlers), "10\n") << handlers;
    EXPECT_EQ(counts, Counts(2, 10)) << handlers;
    EXPECT_EQ(run({"read", "10"}, {"block_site", "after_block"}, handlers), "10\n") << handlers;
    EXPECT_EQ(counts[0], counts[1]) << handlers;
    EXPECT_GT(counts[0], 10U) << handlers;
    EXPECT_EQ(run({"nanosleep", "10"}, {"block_site", "after_block"}, handlers), "10\n") << handlers;
    EXPECT_EQ(counts[0], counts[1]) << handlers;
  }
}

TEST_P(HardPlaces, signals_in_the_middle_of_a_string_instruction) {
  // There each round is a step.
  const bool in_place = GetParam() == Path::in_place || GetParam() == Path::emulation;
  EXPECT_EQ(run({"copy", "3", in_place ? "2048" : "1048576"}, {"copy_site"}), "3\n");
  EXPECT_EQ(counts, Counts(1, 3));
}

TEST_P(HardPlaces, at_the_end_of_the_last_page) {
  Debugger d(program("hard", {"edge", "10"}));
  const Stdio io = d.run(piped());
  force(d, GetParam());
  to_announcement(d);
  const auto code = d.memory().read_value<Address>(d.symbols().resolve("code"));
  const Breakpoint first = d.breakpoint(code, {.callback = nothing});
  const Breakpoint last = d.breakpoint(code + 4, {.callback = nothing});
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "55\n");
  EXPECT_EQ(first.hit_count(), 10U);
  EXPECT_EQ(last.hit_count(), 10U);
}

TEST_P(HardPlaces, code_that_the_program_writes_anew) {
  Debugger d(program("hard", {"code", "10"}));
  const Stdio io = d.run(piped());
  force(d, GetParam());
  to_announcement(d);
  const auto code = d.memory().read_value<Address>(d.symbols().resolve("code"));
  const Breakpoint breakpoint = d.breakpoint(code, {.callback = nothing});
  to_announcement(d);
  EXPECT_EQ(breakpoint.hit_count(), 10U);
  EXPECT_TRUE(breakpoint.armed()) << "its first byte was not written";
  to_announcement(d);
  EXPECT_EQ(breakpoint.hit_count(), 10U) << "the byte that the program wrote wins";
  EXPECT_FALSE(breakpoint.armed());
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), std::to_string(45 + 5 + 7) + "\n");
  EXPECT_EQ(breakpoint.hit_count(), 10U);
}

TEST_P(HardPlaces, what_is_written_under_it_is_executed) {
  Debugger d(program("hard", {"code", "10"}));
  const Stdio io = d.run(piped());
  force(d, GetParam());
  to_announcement(d);
  const auto code = d.memory().read_value<Address>(d.symbols().resolve("code"));
  std::uint8_t round = 0;
  const Breakpoint breakpoint =
      d.breakpoint(code, {.callback = [&](Thread& t, Breakpoint&) {
                     // xor %eax,%eax; nop... and back.
                     static constexpr std::array<std::uint8_t, 5> other{0x31, 0xc0, 0x90, 0x90, 0x90};
                     if (++round % 2 == 1) {
                       t.memory().write_value(code, other);
                     } else {
                       t.memory().write_value<std::uint8_t>(code, 0xb8);
                     }
                   }});
  to_announcement(d);
  EXPECT_EQ(breakpoint.hit_count(), 10U);
  breakpoint.remove();
  EXPECT_EQ(run_out(d).exit_code, 0);
  // The second, fourth and further ones execute mov $value.
  EXPECT_EQ(rest_of_output(io), std::to_string(1 + 3 + 5 + 7 + 9 + 5 + 7) + "\n");
}

TEST_P(HardPlaces, children_that_share_the_memory_while_others_run) {
  EXPECT_EQ(run({"vfork", "30"}, {"target"}), std::to_string(3 * 435 + 30) + "\n");
  EXPECT_EQ(counts, Counts(1, 30));
  EXPECT_EQ(run({"vfork_threads", "60"}, {"target"}), std::to_string(4 * (3 * 1770 + 60)) + "\n");
  EXPECT_EQ(counts, Counts(1, 240));
}

TEST_P(HardPlaces, a_child_that_shares_the_memory_outlives_the_process) {
  for (const char* mode : {"outlived", "outlived_exec"}) {
    EXPECT_EQ(run({mode, "1000"}, {"target"}), "0\n") << mode;
  }
}

TEST_P(HardPlaces, a_crowd_under_signals_with_every_syscall_handled) {
  // Each: sum over i < 200 of 3i + 1; and the short-lived ones.
  const std::string sum = std::to_string(8 * (3 * 199 * 100 + 200)) + "\n";
  for (const bool handlers : {false, true}) {
    EXPECT_EQ(run({"crowd", "200", "8"}, {"target"}, handlers), sum);
    EXPECT_EQ(counts, Counts(1, 8 * 200 + 2 * 20));
  }
}

TEST_P(HardPlaces, callbacks_of_many_threads_step_finish_and_stop_the_world) {
  Debugger d(program("hard", {"crowd", "40", "8"}));
  std::size_t round = 0;
  const Breakpoint target = d.breakpoint("target", {.callback = [&](Thread& t, Breakpoint&) {
                                           switch (++round % 5) {
                                             case 0: static_cast<void>(t.step()); break;
                                             case 1: static_cast<void>(t.next()); break;
                                             case 2: static_cast<void>(t.finish()); break;
                                             case 3: {
                                               const auto rest = d.stop_world();
                                               for (const Thread& other : d.threads()) static_cast<void>(other.pc());
                                               break;
                                             }
                                             default: break;
                                           }
                                         }});
  const Stdio io = d.run(piped());
  force(d, GetParam());
  d.cont();
  const Stop stop = d.wait(patience);
  ASSERT_EQ(stop.exit_code, 0) << stop;
  EXPECT_EQ(rest_of_output(io), std::to_string(8 * (3 * 39 * 20 + 40)) + "\n");
  EXPECT_EQ(target.hit_count(), 8 * 40 + 2 * 4U);
}

TEST_P(HardPlaces, at_rest_no_thread_is_behind_a_trap_that_it_has_not_reported) {
  Debugger d(program("hard", {"hammer", "6"}));
  const Breakpoint target = d.breakpoint("target", {.callback = nothing});
  const Stdio io = d.run(piped());
  force(d, GetParam());
  const Address site = *target.address();
  d.cont();
  EXPECT_EQ(read_line(io), "6");
  for (int i = 0; i < 300; ++i) {
    d.interrupt();
    const Stop stop = d.wait(patience);
    ASSERT_NE(stop.kind, StopKind::exited) << stop;
    for (const Thread& thread : d.threads()) ASSERT_NE(thread.pc(), site + 1) << i;
    d.cont();
  }
  io.sendline("");
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "0\n");
}

TEST_P(HardPlaces, detached_again_and_again_while_threads_hit) {
  HostChild child({tracee("hard"), "hammer", "6"});
  EXPECT_EQ(child.read_line(), "6");
  const Holdings before = Holdings::now();
  const std::string maps = read_file("/proc/" + std::to_string(child.pid()) + "/maps");
  for (int i = 0; i < 30; ++i) {
    Debugger d(DebuggerOptions{});
    d.attach(child.pid());
    force(d, GetParam());
    Event enough;
    // So soon that slots are still being mapped.
    std::atomic<int> left = 5 + i;
    d.breakpoint("target", {.callback = [&](Thread&, Breakpoint&) {
                   if (--left == 0) enough.happen();
                 }});
    d.cont();
    ASSERT_TRUE(enough.wait());
    d.detach();
    ASSERT_FALSE(gone(child.pid())) << i;
  }
  EXPECT_TRUE(nothing_left_since(before));
  EXPECT_EQ(read_file("/proc/" + std::to_string(child.pid()) + "/maps"), maps);
  child.send("\n");
  EXPECT_EQ(child.read_line(), "0");
  EXPECT_EQ(child.exit_status(), 0);
}

TEST_P(HardPlaces, detached_in_a_callback_while_that_of_another_thread_waits) {
  HostChild child({tracee("hard"), "hammer", "6"});
  EXPECT_EQ(child.read_line(), "6");
  const Holdings before = Holdings::now();
  const std::string maps = read_file("/proc/" + std::to_string(child.pid()) + "/maps");
  for (int i = 0; i < 20; ++i) {
    Debugger d(DebuggerOptions{});
    d.attach(child.pid());
    force(d, GetParam());
    Event left;
    int hits = 0;
    d.breakpoint("target", {.callback = [&](Thread& t, Breakpoint&) {
                   if (++hits == 12 + i) {
                     t.process().detach();
                     EXPECT_THROW(static_cast<void>(t.step()), ProcessGone);
                     EXPECT_THROW(t.process().detach(), ProcessGone);
                     left.happen();
                     return;
                   }
                   ASSERT_LT(hits, 12 + i) << "called after detach()";
                   switch (hits % 3) {
                     case 0: static_cast<void>(t.finish()); break;
                     case 1: static_cast<void>(t.invoke_syscall("getppid")); break;
                     default: static_cast<void>(t.step_until("done", 100)); break;
                   }
                 }});
    d.cont();
    ASSERT_TRUE(left.wait()) << i;
    EXPECT_THROW(static_cast<void>(d.wait(patience)), ProcessGone);
    ASSERT_FALSE(gone(child.pid())) << i;
  }
  EXPECT_TRUE(nothing_left_since(before));
  EXPECT_EQ(read_file("/proc/" + std::to_string(child.pid()) + "/maps"), maps);
  child.send("\n");
  EXPECT_EQ(child.read_line(), "0");
  EXPECT_EQ(child.exit_status(), 0);
}

TEST_P(HardPlaces, detached_while_a_callback_gives_one_command_after_the_other) {
  HostChild child({tracee("hard"), "hammer", "3"});
  EXPECT_EQ(child.read_line(), "3");
  for (int i = 0; i < 5; ++i) {
    Debugger d(DebuggerOptions{});
    d.attach(child.pid());
    force(d, GetParam());
    Event begun;
    d.breakpoint("target", {.callback = [&](Thread& t, Breakpoint&) {
                   for (int commands = 0;; ++commands) {
                     if (commands == 5 * i) begun.happen();
                     if (commands % 2 == 0) {
                       static_cast<void>(t.step());
                     } else {
                       static_cast<void>(t.invoke_syscall("getppid"));
                     }
                   }
                 }});
    d.cont();
    ASSERT_TRUE(begun.wait()) << i;
    d.detach();
    EXPECT_THROW(static_cast<void>(d.wait(patience)), ProcessGone);
    ASSERT_FALSE(gone(child.pid())) << i;
  }
  child.send("\n");
  EXPECT_EQ(child.read_line(), "0");
  EXPECT_EQ(child.exit_status(), 0);
}

TEST_P(HardPlaces, detached_in_the_middle_of_a_string_instruction) {
  HostChild child({tracee("hard"), "copies", "3", "4194304"});
  EXPECT_EQ(child.read_line(), "3");
  for (int i = 0; i < 5; ++i) {
    Debugger d(DebuggerOptions{});
    d.attach(child.pid());
    force(d, GetParam());
    Event hit;
    d.breakpoint("copy_site", {.callback = [&](Thread&, Breakpoint&) { hit.happen(); }});
    d.cont();
    ASSERT_TRUE(hit.wait()) << i;
    d.interrupt();
    EXPECT_EQ(d.wait(patience).kind, StopKind::interrupted);
    d.cont();
    d.detach();
    ASSERT_FALSE(gone(child.pid())) << i;
  }
  child.send("\n");
  EXPECT_EQ(child.read_line(), "0");
  EXPECT_EQ(child.exit_status(), 0);
}

TEST_P(HardPlaces, one_thread_ends_all_while_others_hit) {
  for (int i = 0; i < 20; ++i) {
    Debugger d(program("hard", {"exit", std::to_string(3 + i), "6"}));
    const Breakpoint target = d.breakpoint("target", {.callback = nothing});
    d.run(no_stdio());
    force(d, GetParam());
    d.cont();
    const Stop stop = d.wait(patience);
    ASSERT_EQ(stop.exit_code, 5) << stop;
    EXPECT_GE(target.hit_count(), 3U + static_cast<unsigned>(i));
  }
}

TEST_P(HardPlaces, killed_from_outside_while_threads_hit) {
  const Holdings before = Holdings::now();
  for (int i = 0; i < 20; ++i) {
    Debugger d(program("hard", {"hammer", "6"}));
    Event enough;
    std::atomic<int> left = 5 + 7 * i;
    d.breakpoint("target", {.callback = [&](Thread&, Breakpoint&) {
                   if (--left == 0) enough.happen();
                 }});
    // Its input stays open: at the end of it the program would end by itself.
    const Stdio io = d.run(piped());
    force(d, GetParam());
    const pid_t pid = d.pid();
    d.cont();
    ASSERT_TRUE(enough.wait());
    ::kill(pid, SIGKILL);
    EXPECT_EQ(d.wait(patience).exit_signal, SIGKILL);
  }
  EXPECT_TRUE(nothing_left_since(before));
}

std::string name_of(const ::testing::TestParamInfo<Path>& test) {
  const std::array names{"cheapest", "emulation", "slot", "in_place"};
  return names[static_cast<std::size_t>(test.param)];
}

INSTANTIATE_TEST_SUITE_P(By, HardPlaces, ::testing::Values(Path::cheapest, Path::emulation, Path::slot, Path::in_place),
                         name_of);

using BreakpointHard = Live;

TEST_F(BreakpointHard, placing_again_and_again_takes_no_more_memory) {
  Debugger d(program("hits", {"loop", "1200"}));
  std::size_t hits = 0;
  const Breakpoint target = d.breakpoint("target", {.callback = [&](Thread&, Breakpoint& b) {
                                           ++hits;
                                           b.disable();
                                           b.enable();
                                         }});
  const Stdio io = d.run(piped());
  force(d, Path::slot);
  std::size_t areas = 0;
  d.breakpoint("done", {.callback = [&](Thread&, Breakpoint&) {
                 for (const MemoryMap& map : d.maps()) areas += map.path.empty() && map.permissions() == "r-xp" ? 1 : 0;
               }});
  d.cont();
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  EXPECT_EQ(hits, 1200U);
  EXPECT_EQ(areas, 1U);
}

TEST_F(BreakpointHard, a_parent_in_vfork_is_at_rest) {
  Debugger d(program("hard", {"vfork_wait"}));
  const Breakpoint target = d.breakpoint("target", {.callback = nothing});
  const Stdio io = d.run(piped());
  d.cont();
  ASSERT_TRUE(eventually([&] { return state_of(d.pid()) == 'D'; }));
  for (int i = 0; i < 3; ++i) {
    d.interrupt();
    EXPECT_EQ(d.wait(patience).kind, StopKind::interrupted);
    EXPECT_THROW(static_cast<void>(d.regs().rip()), UsageError);
    EXPECT_THROW(d.invoke_syscall("getpid"), UsageError);
    EXPECT_THROW(d.step(), UsageError);
    EXPECT_GT(d.memory().read_value<std::uint64_t>(*target.address()), 0U);
    d.cont();
  }
  io.send("x");
  EXPECT_EQ(rest_of_output(io), "7\n");
  EXPECT_EQ(d.wait(patience).exit_code, 0);

  const Stdio again = d.run(piped());
  d.cont();
  ASSERT_TRUE(eventually([&] { return state_of(d.pid()) == 'D'; }));
  d.interrupt();
  again.send("x");
  d.detach();
  EXPECT_EQ(rest_of_output(again), "7\n");

  d.run(piped());
  d.cont();
  ASSERT_TRUE(eventually([&] { return state_of(d.pid()) == 'D'; }));
  d.interrupt();
  d.kill();
  EXPECT_EQ(d.exit_signal(), SIGKILL);
}

TEST_F(BreakpointHard, every_malloc_of_python_is_counted) {
  const std::string python = "/usr/bin/python3";
  if (::access(python.c_str(), X_OK) != 0) GTEST_SKIP() << "no " << python;
  const ScratchDir scratch;
  DebuggerOptions options =
      command({python, "-S", "-E", "-c", "import json; print(len([json.dumps({'a': [i]}) for i in range(300)]))"});
  options.env = Environment{{"LD_PRELOAD", preloadable(scratch, "count_malloc.so")},
                            {"COUNT_FILE", scratch / "count"},
                            {"PYTHONMALLOC", "malloc"}};
  options.continue_to_entry = false;
  Debugger d(std::move(options));
  const Breakpoint counted = d.breakpoint(Location("malloc").in("count_malloc.so"), {.callback = nothing});
  const Breakpoint inner = d.breakpoint(Location("malloc").in("libc"), {.callback = nothing});
  const Finished finished = run_for_output(d);
  EXPECT_EQ(finished.output, "300\n");
  EXPECT_EQ(finished.status, 0);
  EXPECT_EQ(std::to_string(counted.hit_count()), read_file(scratch / "count"));
  // A realloc of nothing calls it directly.
  EXPECT_GE(inner.hit_count(), counted.hit_count());
}

TEST_F(BreakpointHard, programs_with_children_run_as_without_it) {
  const ScratchDir scratch;
  const std::string source = scratch.file("x.c", "int f(int x) { return x + 1; }\n");
  const std::vector<std::vector<std::string>> programs{
      {"/bin/bash", "-c", "for i in 1 2 3; do echo $i | cat | tr 1 2; done; (exit 3)"},
      {"/usr/bin/python3", "-c",
       "import subprocess, os; print(subprocess.run(['echo', 'a'], capture_output=True).stdout, os.system('exit 4'))"},
      {"/usr/bin/git", "--version"},
      {"/usr/bin/gcc", "-c", source, "-o", scratch / "x.o"}};
  for (const auto& argv : programs) {
    if (::access(argv[0].c_str(), X_OK) != 0) continue;
    Debugger plain(command(argv));
    const Finished expected = run_for_output(plain);
    Debugger d(command(argv));
    const Breakpoint malloc = d.breakpoint(Location("malloc").in("libc"), {.callback = nothing});
    const Finished finished = run_for_output(d);
    EXPECT_EQ(finished.output, expected.output) << argv[0];
    EXPECT_EQ(finished.status, expected.status) << argv[0];
    EXPECT_GT(malloc.hit_count(), 0U) << argv[0];
  }
}

TEST_F(BreakpointHard, under_an_allow_list) {
  Debugger plain(program("seccomp_strict", {"allowed"}));
  const Finished expected = run_for_output(plain);
  Debugger d(program("seccomp_strict", {"allowed"}));
  const Breakpoint write = d.breakpoint(Location("write").in("libc"), {.callback = nothing});
  const Breakpoint call = d.breakpoint(Location("syscall").in("libc"), {.callback = nothing});
  const Finished finished = run_for_output(d);
  EXPECT_EQ(finished.output, expected.output);
  EXPECT_EQ(finished.status, expected.status);
  EXPECT_GT(write.hit_count() + call.hit_count(), 0U);
}

TEST_F(BreakpointHard, of_a_static_program_and_after_an_exec_by_another_thread) {
  Debugger d(program("points_static"));
  const Breakpoint first = d.breakpoint("main", {.callback = nothing});
  Debugger plain(program("points_static"));
  EXPECT_EQ(run_to_exit(d), run_to_exit(plain));
  EXPECT_EQ(first.hit_count(), 1U);

  Debugger executing(program("thread_exec"));
  Debugger untrapped(program("thread_exec"));
  const Breakpoint writes = executing.breakpoint(Location("malloc").in("libc"), {.callback = nothing});
  const Finished expected = run_for_output(untrapped);
  const Finished finished = run_for_output(executing);
  EXPECT_EQ(finished.output, expected.output);
  EXPECT_EQ(finished.status, expected.status);
}

}  // namespace
}  // namespace trapline::live
