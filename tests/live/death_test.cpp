#include "support.hpp"

#include <atomic>
#include <csignal>
#include <thread>

#include <unistd.h>

namespace trapline::live {
namespace {

using Death = Live;

TEST_F(Death, exit_codes_are_results) {
  for (const int code : {0, 1, 42, 255}) {
    Debugger d(program("exit_with", {std::to_string(code)}));
    d.run(no_stdio());
    EXPECT_EQ(d.exit_code(), std::nullopt);
    const Stop stop = run_out(d);
    EXPECT_EQ(stop.exit_code, code);
    EXPECT_EQ(stop.exit_signal, std::nullopt);
    EXPECT_FALSE(stop.timed_out);
    EXPECT_TRUE(d.dead());
    EXPECT_FALSE(d.running());
    EXPECT_EQ(d.exit_code(), code);
    EXPECT_EQ(d.exit_signal(), std::nullopt);
  }
}

TEST_F(Death, signals_are_results) {
  for (const int number : {SIGTERM, SIGKILL, SIGSEGV, SIGABRT, SIGHUP}) {
    Debugger d(program("die", {std::to_string(number)}));
    d.run(no_stdio());
    const Stop stop = run_out(d);
    EXPECT_EQ(stop.exit_signal, number);
    EXPECT_EQ(stop.exit_code, std::nullopt);
    EXPECT_EQ(d.exit_signal(), number);
  }
}

TEST_F(Death, wait_returns_the_same_stop_each_time) {
  Debugger d(program("exit_with", {"9"}));
  d.run(no_stdio());
  run_out(d);
  for (int i = 0; i < 3; ++i) {
    const Stop stop = d.wait(patience);
    EXPECT_EQ(stop.kind, StopKind::exited);
    EXPECT_EQ(stop.exit_code, 9);
    EXPECT_EQ(stop.thread.tid(), d.pid());
  }
}

TEST_F(Death, what_was_last_known_is_readable_and_the_rest_throws) {
  Debugger d(program("points"));
  const SyscallHandler handler = d.handle_syscall(announcement, {.on_enter = [](Thread&, SyscallHandler&) {}});
  d.run(no_stdio());
  const Thread main = d.main_thread();
  const Address text = d.symbols().resolve("text");
  run_out(d);

  EXPECT_NE(d.pid(), 0);
  EXPECT_NE(main.pc(), 0U);
  EXPECT_NE(d.regs().rsp(), 0U);
  EXPECT_EQ(handler.hit_count(), 3U);
  EXPECT_TRUE(main.dead());
  EXPECT_TRUE(d.threads().empty());
  EXPECT_THROW(d.cont(), ProcessGone);
  EXPECT_THROW(static_cast<void>(d.step()), ProcessGone);
  EXPECT_THROW(main.set_pc(0), ProcessGone);
  EXPECT_THROW(static_cast<void>(d.memory().read(text, 1)), ProcessGone);
  EXPECT_THROW(d.memory().write(text, "x"), ProcessGone);
  EXPECT_THROW(static_cast<void>(d.maps()), ProcessGone);
  EXPECT_THROW(d.invoke_syscall("getpid"), ProcessGone);
  EXPECT_THROW(d.detach(), ProcessGone);
  d.kill();
  EXPECT_EQ(d.wait(patience).exit_code, 0);
}

TEST_F(Death, kill_at_rest) {
  Debugger d(program("block"));
  d.run(no_stdio());
  const pid_t pid = d.pid();
  d.kill();
  EXPECT_TRUE(d.dead());
  EXPECT_EQ(d.exit_signal(), SIGKILL);
  EXPECT_EQ(d.wait(patience).exit_signal, SIGKILL);
  EXPECT_EQ(state_of(pid), '?');
}

TEST_F(Death, kill_while_it_runs) {
  Debugger d(program("spin"));
  d.run(no_stdio());
  d.cont();
  d.kill();
  EXPECT_TRUE(d.dead());
  EXPECT_EQ(d.wait(patience).exit_signal, SIGKILL);
}

TEST_F(Death, kill_inside_a_callback) {
  Debugger d(program("points"));
  bool gone_inside = false;
  d.handle_syscall(announcement, {.on_enter = [&](Thread& thread, SyscallHandler&) {
                     d.kill();
                     EXPECT_TRUE(d.dead());
                     EXPECT_THROW(thread.set_syscall_number(39), ProcessGone);
                     EXPECT_THROW(thread.invoke_syscall("getpid"), ProcessGone);
                     gone_inside = true;
                   }});
  d.run(no_stdio());
  const Stop stop = run_out(d);
  EXPECT_EQ(stop.exit_signal, SIGKILL);
  EXPECT_TRUE(gone_inside);
  d.set_argv({tracee("exit_with"), "4"});
  EXPECT_EQ(run_to_exit(d), 4);
}

TEST_F(Death, someone_else_kills_it_at_rest) {
  Debugger d(program("block"));
  d.run(no_stdio());
  ASSERT_EQ(::kill(d.pid(), SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return d.dead(); }));
  EXPECT_EQ(d.wait(patience).exit_signal, SIGKILL);
}

TEST_F(Death, someone_else_kills_it_during_a_callback) {
  Debugger d(program("points"));
  d.handle_syscall(announcement, {.on_enter = [](Thread& thread, SyscallHandler&) {
                     ::kill(thread.pid(), SIGKILL);
                     // Whatever the callback then asks for works or throws ProcessGone; nothing hangs.
                     try {
                       for (int i = 0; i < 1000; ++i) thread.invoke_syscall("getpid");
                       ADD_FAILURE() << "it lives on";
                     } catch (const ProcessGone&) {
                     }
                   }});
  d.run(no_stdio());
  EXPECT_EQ(run_out(d).exit_signal, SIGKILL);
}

TEST_F(Death, kill_after_ends_a_running_process) {
  Debugger d(program("block"));
  RunOptions options = no_stdio();
  options.kill_after = 2s;
  d.run(options);
  d.cont();
  const Stop stop = d.wait(patience);
  EXPECT_EQ(stop.kind, StopKind::exited);
  EXPECT_TRUE(stop.timed_out);
  EXPECT_EQ(stop.exit_signal, SIGKILL);
}

TEST_F(Death, kill_after_ends_a_process_at_rest) {
  Debugger d(program("block"));
  RunOptions options = no_stdio();
  options.kill_after = 100ms;
  d.run(options);
  EXPECT_TRUE(eventually([&] { return d.dead(); }));
  EXPECT_TRUE(d.wait(patience).timed_out);
}

TEST_F(Death, kill_after_of_an_earlier_run_does_not_hit_the_next) {
  Debugger d(program("exit_with", {"0"}));
  RunOptions options = no_stdio();
  options.kill_after = 4s;
  d.run(options);
  EXPECT_FALSE(run_out(d).timed_out);
  d.set_argv({tracee("block")});
  d.run(no_stdio());
  d.cont();
  EXPECT_THROW(static_cast<void>(d.wait(4500ms)), TimedOut);
  EXPECT_FALSE(d.dead());
}

TEST_F(Death, while_threads_are_being_born) {
  for (unsigned births = 1; births <= 40; ++births) {
    Debugger d(program("short_threads", {"1000000"}));
    std::atomic<unsigned> seen = 0;
    d.handle_syscall("getppid", {.on_enter = [&](Thread&, SyscallHandler&) {
                       if (++seen == births) d.kill();
                     }});
    d.run(no_stdio());
    d.cont();
    EXPECT_EQ(d.wait(patience).exit_signal, SIGKILL);
  }
}

TEST_F(Death, someone_else_kills_it_at_any_moment_of_an_attach) {
  const Holdings before = Holdings::now();
  std::size_t attached = 0;
  for (unsigned delay = 0; delay < 60; ++delay) {
    HostChild child({tracee("short_threads"), "1000000"});
    Debugger d(DebuggerOptions{});
    std::thread killer([&] {
      // Some hundred microseconds at most, which an attach to these threads takes.
      for (unsigned i = 0; i < delay * 10; ++i) static_cast<void>(::getppid());
      child.signal(SIGKILL);
    });
    try {
      d.attach(child.pid());
      ++attached;
      d.cont();
      EXPECT_EQ(d.wait(patience).exit_signal, SIGKILL);
    } catch (const ProcessGone&) {
      // Before, or in the middle of it, or while it was at rest.
    }
    killer.join();
    const int status = child.reap();
    EXPECT_TRUE(status == -1 || status == SIGKILL) << status;
  }
  EXPECT_TRUE(nothing_left_since(before));
  RecordProperty("attached", static_cast<int>(attached));
}

TEST_F(Death, someone_else_kills_it_while_calls_are_invoked) {
  for (unsigned delay = 0; delay < 30; ++delay) {
    Debugger d(program("block"));
    d.run(no_stdio());
    const pid_t pid = d.pid();
    std::thread killer([&] {
      for (unsigned i = 0; i < delay * 50; ++i) static_cast<void>(::getppid());
      ::kill(pid, SIGKILL);
    });
    EXPECT_THROW(for (;;) static_cast<void>(d.invoke_syscall("getpid")), ProcessGone);
    killer.join();
    EXPECT_EQ(d.wait(patience).exit_signal, SIGKILL);
  }
}

}  // namespace
}  // namespace trapline::live
