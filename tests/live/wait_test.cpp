#include "support.hpp"

#include <atomic>
#include <sstream>
#include <thread>

namespace trapline::live {
namespace {

using Wait = Live;

/// A process that ends by itself may do so first.
void interrupt_unless_dead(const Process& process) {
  try {
    process.interrupt();
  } catch (const ProcessGone&) {
  }
}

TEST_F(Wait, cont_returns_and_wait_gives_each_stop_once) {
  Debugger d(program("points"));
  const SyscallHandler handler = d.handle_syscall(announcement);
  d.run(no_stdio());
  EXPECT_FALSE(d.running());
  d.cont();
  const Stop stop = d.wait(patience);
  EXPECT_EQ(stop.kind, StopKind::syscall_enter);
  EXPECT_EQ(stop.thread, d.main_thread());
  ASSERT_EQ(stop.handlers.size(), 1U);
  EXPECT_EQ(stop.handlers[0], handler);
  EXPECT_FALSE(d.running());
  EXPECT_THROW(static_cast<void>(d.wait(patience)), UsageError);
}

TEST_F(Wait, throws_when_nothing_was_started) {
  Debugger d(program("points"));
  d.run(no_stdio());
  EXPECT_THROW(static_cast<void>(d.wait(patience)), UsageError);
}

TEST_F(Wait, an_implicit_wait_takes_no_stop) {
  Debugger d(program("points"));
  d.handle_syscall(announcement);
  d.run(no_stdio());
  d.cont();
  EXPECT_NE(d.main_thread().pc(), 0U);
  EXPECT_EQ(d.wait(patience).kind, StopKind::syscall_enter);
}

TEST_F(Wait, timeout_leaves_it_running_and_usable) {
  Debugger d(program("block"));
  d.run(no_stdio());
  d.cont();
  for (const auto timeout : {0ms, 1ms, 30ms}) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_THROW(static_cast<void>(d.wait(timeout)), TimedOut);
    EXPECT_GE(std::chrono::steady_clock::now() - start, timeout);
    EXPECT_TRUE(d.running());
  }
  d.interrupt();
  EXPECT_EQ(d.wait(patience).kind, StopKind::interrupted);
  EXPECT_EQ(d.main_thread().regs().rip(), d.main_thread().pc());
}

TEST_F(Wait, interrupt_from_another_thread) {
  for (const char* name : {"block", "spin"}) {
    Debugger d(program(name));
    d.run(no_stdio());
    d.cont();
    std::thread other([&] { d.interrupt(); });
    const Stop stop = d.wait(patience);
    other.join();
    EXPECT_EQ(stop.kind, StopKind::interrupted) << name;
    EXPECT_TRUE(stop.handlers.empty());
  }
}

TEST_F(Wait, interrupt_at_rest_does_nothing) {
  Debugger d(program("points"));
  const SyscallHandler handler = d.handle_syscall(announcement);
  d.run(no_stdio());
  d.interrupt();
  EXPECT_EQ(next_stop(d).kind, StopKind::syscall_enter);
  d.interrupt();
  EXPECT_EQ(next_stop(d).kind, StopKind::syscall_exit);
  handler.remove();
  d.interrupt();
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Wait, two_interrupts_make_one_stop) {
  Debugger d(program("echo"));
  Stdio io = d.run(piped());
  d.cont();
  d.interrupt();
  d.interrupt();
  EXPECT_EQ(d.wait(patience).kind, StopKind::interrupted);
  io.close();
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Wait, interrupt_that_races_with_a_stop_leaves_none_behind) {
  constexpr int points = 200;
  Debugger d(program("points", {std::to_string(points)}));
  d.handle_syscall(announcement);
  d.run(no_stdio());
  int stops = 0;
  for (;;) {
    d.cont();
    interrupt_unless_dead(d);
    const Stop stop = d.wait(patience);
    if (stop.kind == StopKind::exited) break;
    stops += stop.kind != StopKind::interrupted;
    ASSERT_THROW(static_cast<void>(d.wait(patience)), UsageError) << "a second stop of one cont";
  }
  EXPECT_EQ(stops, 2 * points);
  EXPECT_EQ(d.exit_code(), 0);
}

TEST_F(Wait, a_command_waits_for_the_next_stop) {
  Debugger d(program("block"));
  d.run(no_stdio());
  d.cont();
  std::atomic<bool> answered = false;
  std::thread other([&] {
    static_cast<void>(d.main_thread().pc());
    answered = true;
  });
  EXPECT_THROW(static_cast<void>(d.wait(50ms)), TimedOut);
  EXPECT_FALSE(answered);
  d.interrupt();
  other.join();
  EXPECT_EQ(d.wait(patience).kind, StopKind::interrupted);
}

TEST_F(Wait, or_interrupts_with_auto_interrupt) {
  DebuggerOptions options = program("spin");
  options.auto_interrupt = true;
  Debugger d(options);
  d.run(no_stdio());
  d.cont();
  EXPECT_NE(d.main_thread().pc(), 0U);
  EXPECT_FALSE(d.running());
  EXPECT_EQ(d.wait(patience).kind, StopKind::interrupted);
  d.cont();
  EXPECT_GT(d.invoke_syscall("getpid"), 0);
}

TEST_F(Wait, what_answers_at_any_time_does_not_wait) {
  Debugger d(program("spin"));
  d.run(no_stdio());
  const Address turns = d.symbols().resolve("turns");
  d.cont();
  EXPECT_TRUE(eventually([&] { return d.memory().read_value<std::uint64_t>(turns) > 1000; }));
  EXPECT_NE(d.pid(), 0);
  EXPECT_TRUE(d.running());
  EXPECT_FALSE(d.dead());
  EXPECT_EQ(d.exit_code(), std::nullopt);
  EXPECT_EQ(d.threads().size(), 1U);
  EXPECT_FALSE(d.maps().empty());
  EXPECT_TRUE(d.running());
}

TEST_F(Wait, interrupt_inside_a_callback_makes_its_event_a_stop) {
  Debugger d(program("points"));
  const SyscallHandler handler = d.handle_syscall(
      announcement, {.on_enter = [&](Thread& thread, SyscallHandler&) { thread.process().interrupt(); },
                     .on_exit = [](Thread&, SyscallHandler&) {}});
  d.run(no_stdio());
  for (int i = 0; i < 3; ++i) {
    const Stop stop = next_stop(d);
    EXPECT_EQ(stop.kind, StopKind::syscall_enter);
    EXPECT_TRUE(handler.hit_on_enter(stop.thread));
  }
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Wait, wait_cont_and_run_inside_a_callback_throw) {
  Debugger d(program("points"));
  int refused = 0;
  d.handle_syscall(announcement, {.on_enter = [&](Thread&, SyscallHandler&) {
                     EXPECT_THROW(d.cont(), UsageError);
                     EXPECT_THROW(static_cast<void>(d.wait(1ms)), UsageError);
                     EXPECT_THROW(d.run(no_stdio()), UsageError);
                     ++refused;
                   }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(refused, 3);
}

TEST_F(Wait, another_debugger_can_be_driven_inside_a_callback) {
  Debugger d(program("points"));
  std::vector<int> codes;
  d.handle_syscall(announcement, {.on_enter = [&](Thread&, SyscallHandler&) {
                     Debugger other(program("exit_with", {"8"}));
                     codes.push_back(run_to_exit(other));
                   }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(codes, (std::vector<int>{8, 8, 8}));
}

TEST_F(Wait, commands_of_several_threads) {
  Debugger d(program("points"));
  d.run(no_stdio());
  const Address text = d.symbols().resolve("text");
  to_announcement_exit(d);
  const pid_t pid = d.pid();
  std::atomic<int> right = 0;
  std::vector<std::thread> users;
  for (int user = 0; user < 4; ++user) {
    users.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        if (d.invoke_syscall("getpid") == pid && d.memory().read_string(text) == "tracee text") ++right;
      }
    });
  }
  for (std::thread& user : users) user.join();
  EXPECT_EQ(right, 400);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Wait, a_whole_loop_on_the_tracer_thread) {
  Debugger d(program("points", {"100"}));
  const SyscallHandler handler = d.handle_syscall(announcement);
  d.run(no_stdio());
  const int stops = d.on_tracer([&] {
    int count = 0;
    for (;;) {
      d.cont();
      if (d.wait(patience).kind == StopKind::exited) return count;
      ++count;
    }
  });
  EXPECT_EQ(stops, 200);
  EXPECT_EQ(handler.hit_count(), 100U);
  EXPECT_EQ(d.exit_code(), 0);
}

TEST_F(Wait, on_tracer_nests_passes_exceptions_and_times_out) {
  Debugger d(program("block"));
  d.run(no_stdio());
  EXPECT_EQ(d.on_tracer([&] { return d.on_tracer([&] { return d.pid(); }); }), d.pid());
  EXPECT_THROW(d.on_tracer([] { throw std::out_of_range("mine"); }), std::out_of_range);
  d.on_tracer([&] {
    d.cont();
    EXPECT_THROW(static_cast<void>(d.wait(20ms)), TimedOut);
    d.interrupt();
    EXPECT_EQ(d.wait(patience).kind, StopKind::interrupted);
    d.kill();
  });
  EXPECT_TRUE(d.dead());
}

TEST_F(Wait, a_stop_prints_itself) {
  Debugger d(program("points"));
  d.run(no_stdio());
  std::ostringstream text;
  text << to_announcement(d);
  EXPECT_NE(text.str().find("syscall_enter"), std::string::npos) << text.str();
  EXPECT_NE(text.str().find(std::to_string(d.pid())), std::string::npos) << text.str();
  EXPECT_NE(text.str().find("getpgid"), std::string::npos) << text.str();
  EXPECT_EQ(to_string(StopKind::exited), "exited");
}

}  // namespace
}  // namespace trapline::live
