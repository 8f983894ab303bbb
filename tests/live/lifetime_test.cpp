#include "support.hpp"

#include <csignal>
#include <memory>
#include <thread>

#include <sys/wait.h>

namespace trapline::live {
namespace {

using Lifetime = Live;

/// Ends and reaps a launched process that was let go: it is our child, not the library's.
void end_freed(pid_t pid) {
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  ASSERT_EQ(::waitpid(pid, nullptr, __WALL), pid);
}

TEST_F(Lifetime, destructor_kills_a_launched_process) {
  for (const bool running : {false, true}) {
    pid_t pid = 0;
    {
      Debugger d(program("block"));
      EXPECT_TRUE(d.kill_on_exit());
      d.run(no_stdio());
      pid = d.pid();
      if (running) d.cont();
    }
    EXPECT_TRUE(gone(pid));
  }
}

TEST_F(Lifetime, destructor_lets_it_go_when_told_so) {
  for (const bool running : {false, true}) {
    pid_t pid = 0;
    {
      DebuggerOptions options = program("block");
      options.kill_on_exit = false;
      Debugger d(options);
      d.run(no_stdio());
      pid = d.pid();
      if (running) d.cont();
    }
    EXPECT_TRUE(eventually([&] { return blocked_in(pid, 34); })) << "it does not reach its pause()";
    EXPECT_EQ(tracer_of(pid), 0);
    end_freed(pid);
  }
}

TEST_F(Lifetime, destructor_lets_an_attached_process_go) {
  HostChild child({tracee("echo")});
  ASSERT_EQ(child.read_line(), "ready");
  for (const bool running : {false, true}) {
    Debugger d(DebuggerOptions{});
    d.attach(child.pid());
    EXPECT_FALSE(d.kill_on_exit());
    if (running) d.cont();
  }
  child.send("a");
  EXPECT_EQ(child.read(1), "b");
  child.close_input();
  EXPECT_EQ(child.exit_status(), 0);
}

TEST_F(Lifetime, destructor_kills_an_attached_process_when_told_so) {
  HostChild child({tracee("echo")});
  ASSERT_EQ(child.read_line(), "ready");
  {
    DebuggerOptions options;
    options.kill_on_exit = true;
    Debugger d(options);
    d.attach(child.pid());
  }
  EXPECT_TRUE(eventually([&] { return gone(child.pid()); }));
}

TEST_F(Lifetime, kill_on_exit_can_change_while_it_lives) {
  pid_t pid = 0;
  {
    Debugger d(program("block"));
    d.run(no_stdio());
    d.cont();
    d.set_kill_on_exit(false);
    EXPECT_FALSE(d.kill_on_exit());
    pid = d.pid();
  }
  EXPECT_NE(state_of(pid), '?');
  EXPECT_EQ(tracer_of(pid), 0);
  end_freed(pid);
}

TEST_F(Lifetime, a_moved_debugger_goes_on) {
  Debugger first(program("points", {"4"}));
  const SyscallHandler handler = first.handle_syscall(announcement);
  first.run(no_stdio());
  EXPECT_EQ(next_stop(first).kind, StopKind::syscall_enter);
  Debugger second(std::move(first));
  EXPECT_EQ(next_stop(second).kind, StopKind::syscall_exit);
  handler.remove();
  EXPECT_EQ(run_out(second).exit_code, 0);
  EXPECT_EQ(run_to_exit(second), 0);
}

TEST_F(Lifetime, move_assignment_ends_the_old_process) {
  Debugger target(program("block"));
  target.run(no_stdio());
  const pid_t old = target.pid();
  Debugger source(program("exit_with", {"3"}));
  source.run(no_stdio());
  target = std::move(source);
  EXPECT_TRUE(eventually([&] { return state_of(old) == '?'; }));
  EXPECT_EQ(run_out(target).exit_code, 3);
}

TEST_F(Lifetime, handles_outlive_the_debugger) {
  std::optional<SyscallHandler> handler;
  std::optional<Thread> thread;
  std::optional<Process> process;
  {
    Debugger d(program("points"));
    handler = d.handle_syscall(announcement, {.on_enter = [](Thread&, SyscallHandler&) {}});
    d.run(no_stdio());
    run_out(d);
    thread = d.main_thread();
    process = d;
  }
  EXPECT_EQ(handler->hit_count(), 3U);
  EXPECT_TRUE(thread->dead());
  EXPECT_TRUE(process->dead());
  EXPECT_EQ(process->exit_code(), 0);
  EXPECT_THROW(static_cast<void>(process->cont()), ProcessGone);
  handler->disable();
  handler->remove();
}

TEST_F(Lifetime, handles_of_a_process_that_was_let_go_throw) {
  HostChild child({tracee("echo")});
  ASSERT_EQ(child.read_line(), "ready");
  Debugger d(DebuggerOptions{});
  d.attach(child.pid());
  const Thread thread = d.main_thread();
  d.detach();
  EXPECT_THROW(static_cast<void>(thread.step()), Error);
  EXPECT_THROW(thread.set_pc(0), Error);
  EXPECT_THROW(d.cont(), Error);
  EXPECT_THROW(static_cast<void>(d.wait(1s)), Error);
  child.send("x");
  EXPECT_EQ(child.read(1), "y");
}

TEST_F(Lifetime, detach_inside_a_callback) {
  DebuggerOptions options = program("points", {"10"});
  Debugger d(options);
  std::atomic<std::size_t> seen = 0;
  d.handle_syscall(announcement, {.on_enter = [&](Thread&, SyscallHandler&) {
                     d.detach();
                     ++seen;
                   }});
  d.run(no_stdio());
  const pid_t pid = d.pid();
  d.cont();
  // Not before: a wait for any change of its would take the debugger's events.
  ASSERT_TRUE(eventually([&] { return seen > 0; }));
  // It exits by itself and is our child, so that we can tell that it ran on untouched.
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, __WALL), pid);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(seen, 1U);
}

TEST_F(Lifetime, detach_in_the_middle_of_an_invoked_call) {
  Debugger d(program("points", {"10"}));
  std::atomic<std::size_t> seen = 0;
  std::atomic<bool> refused = false;
  d.handle_syscall("getppid", {.on_enter = [&](Thread&, SyscallHandler&) { d.detach(); }});
  d.handle_syscall(announcement, {.on_enter = [&](Thread& t, SyscallHandler&) {
                     ++seen;
                     // It comes to its end, but nothing after it is possible.
                     EXPECT_GT(t.invoke_syscall("getppid"), 0);
                     try {
                       static_cast<void>(t.invoke_syscall("getpid"));
                     } catch (const ProcessGone&) {
                       refused = true;
                     }
                   }});
  d.run(no_stdio());
  const pid_t pid = d.pid();
  d.cont();
  EXPECT_THROW(static_cast<void>(d.wait(patience)), ProcessGone);
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, __WALL), pid);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(seen, 1U);
  EXPECT_TRUE(refused);
}

TEST_F(Lifetime, destroyed_on_another_thread) {
  const Holdings before = Holdings::now();
  auto d = std::make_unique<Debugger>(program("block"));
  d->run(no_stdio());
  d->cont();
  std::thread([owned = std::move(d)]() mutable { owned.reset(); }).join();
  EXPECT_TRUE(nothing_left_since(before)) << before << " before, now " << Holdings::now();
}

TEST_F(Lifetime, an_unused_object_costs_nothing) {
  const Holdings before = Holdings::now();
  {
    const Debugger d(program("points"));
    static_cast<void>(d);
  }
  EXPECT_TRUE(nothing_left_since(before));
}

}  // namespace
}  // namespace trapline::live
