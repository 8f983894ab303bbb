#include "support.hpp"

#include <set>

namespace trapline::live {
namespace {

using RunAgain = Live;

TEST_F(RunAgain, fifty_runs_of_one_object_leave_nothing) {
  const Holdings before = Holdings::now();
  {
    Debugger d(program("exit_with", {"7"}));
    ASSERT_EQ(run_to_exit(d), 7);
    const Holdings after_one = Holdings::now();
    for (int i = 0; i < 50; ++i) ASSERT_EQ(run_to_exit(d), 7) << "run " << i;
    EXPECT_TRUE(nothing_left_since(after_one)) << after_one << " after one run, now " << Holdings::now();
  }
  EXPECT_TRUE(nothing_left_since(before)) << before << " before, now " << Holdings::now();
}

TEST_F(RunAgain, fifty_objects_leave_nothing) {
  const Holdings before = Holdings::now();
  for (int i = 0; i < 50; ++i) {
    Debugger d(program("points"));
    const SyscallHandler handler = d.handle_syscall("all", {.on_enter = [](Thread&, SyscallHandler&) {}});
    d.run(piped());
    // Some are destroyed at rest, some running, some dead.
    if (i % 3 == 1) d.cont();
    if (i % 3 == 2) run_out(d);
  }
  EXPECT_TRUE(nothing_left_since(before)) << before << " before, now " << Holdings::now();
}

TEST_F(RunAgain, a_living_process_is_killed_first) {
  Debugger d(program("block"));
  d.run(no_stdio());
  const pid_t at_rest = d.pid();
  d.run(no_stdio());
  EXPECT_NE(d.pid(), at_rest);
  EXPECT_EQ(state_of(at_rest), '?');
  const pid_t running = d.pid();
  d.cont();
  d.run(no_stdio());
  EXPECT_EQ(state_of(running), '?');
  EXPECT_FALSE(d.running());
  EXPECT_FALSE(d.dead());
}

TEST_F(RunAgain, counts_start_at_zero_and_handlers_stay) {
  Debugger d(program("points", {"5"}));
  const SyscallHandler handler = d.handle_syscall(announcement, {.on_enter = [](Thread&, SyscallHandler&) {}});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(run_to_exit(d), 0);
    EXPECT_EQ(handler.hit_count(), 5U);
  }
}

TEST_F(RunAgain, handles_of_an_earlier_run_answer_for_their_own_process) {
  Debugger d(program("points"));
  d.run(no_stdio());
  const Thread old = d.main_thread();
  const pid_t old_tid = old.tid();
  d.run(no_stdio());
  EXPECT_EQ(old.tid(), old_tid);
  EXPECT_TRUE(old.dead());
  EXPECT_NE(old, d.main_thread());
  EXPECT_THROW(old.set_pc(0), ProcessGone);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(RunAgain, an_attached_one_is_not_killed_for_it) {
  HostChild child({tracee("echo")});
  ASSERT_EQ(child.read_line(), "ready");
  Debugger d(program("exit_with", {"3"}));
  d.attach(child.pid());
  EXPECT_THROW(d.run(no_stdio()), UsageError);
  d.detach();
  EXPECT_EQ(run_to_exit(d), 3);
  child.send("a");
  EXPECT_EQ(child.read(1), "b");
}

TEST_F(RunAgain, after_an_exit_it_can_attach) {
  HostChild child({tracee("echo")});
  ASSERT_EQ(child.read_line(), "ready");
  Debugger d(program("exit_with", {"3"}));
  EXPECT_EQ(run_to_exit(d), 3);
  d.attach(child.pid());
  EXPECT_EQ(d.pid(), child.pid());
  EXPECT_FALSE(d.dead());
  d.detach();
}

}  // namespace
}  // namespace trapline::live
