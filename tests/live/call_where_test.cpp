#include "support.hpp"

#include <atomic>
#include <csignal>
#include <thread>

#include <sys/syscall.h>

namespace trapline::live {
namespace {

/// At which moments a function can be called, what interrupts it, and that the program does not notice.
using CallWhere = Live;

void call_some(const Thread& t) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(t.call<int>("add", i, 1), i + 1);
    EXPECT_EQ(t.call<int>("spoil_registers"), 1);
    EXPECT_EQ(t.call<int>("block_signals"), 0);
    EXPECT_EQ(t.call<pid_t>("gettid"), t.tid());
  }
}

int run_with(SyscallOptions options, const char* syscall = announcement) {
  Debugger d(program("functions"));
  d.handle_syscall(syscall, std::move(options));
  return run_to_exit(d);
}

TEST_F(CallWhere, in_callbacks_at_enter_and_at_exit) {
  const auto call_there = [](Thread& t, SyscallHandler&) { call_some(t); };
  EXPECT_EQ(run_with({.on_enter = call_there}), 0) << "at enter";
  EXPECT_EQ(run_with({.on_exit = call_there}), 0) << "at exit";
  EXPECT_EQ(run_with({.on_enter = call_there, .on_exit = call_there}), 0);
}

TEST_F(CallWhere, at_synchronous_stops) {
  Debugger d(program("functions"));
  const SyscallHandler handler = d.handle_syscall(announcement);
  d.run(no_stdio());
  for (int i = 0; i < 4; ++i) {
    const Stop stop = next_stop(d);
    const std::int64_t number = stop.thread.syscall_number();
    call_some(stop.thread);
    EXPECT_EQ(stop.thread.syscall_number(), number);
    EXPECT_EQ(handler.hit_on_enter(stop.thread), i % 2 == 0);
    EXPECT_THROW(static_cast<void>(d.wait(1s)), UsageError) << "it made a stop";
    if (i % 2 == 1) {
      EXPECT_EQ(stop.thread.syscall_return(), -ESRCH);
    }
  }
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(CallWhere, a_stop_that_nobody_has_taken_is_kept) {
  Debugger d(program("functions"));
  d.handle_syscall(announcement);
  d.run(no_stdio());
  d.cont();
  EXPECT_EQ(d.call<int>("add", 1, 2), 3);
  EXPECT_EQ(d.wait(patience).kind, StopKind::syscall_enter);
}

TEST_F(CallWhere, what_was_changed_at_the_stop_holds) {
  Debugger d(program("functions"));
  d.handle_syscall(announcement);
  d.run(no_stdio());
  Thread t = next_stop(d).thread;
  t.skip_syscall(42);
  call_some(t);
  t = next_stop(d).thread;
  EXPECT_EQ(t.syscall_return(), 42);
  t.set_syscall_return(41);
  call_some(t);
  EXPECT_EQ(t.syscall_return(), 41);
  EXPECT_EQ(next_stop(d).kind, StopKind::syscall_enter);
}

TEST_F(CallWhere, at_the_entry_point_and_at_every_step) {
  Debugger d(program("functions"));
  d.run(no_stdio());
  const Thread t = d.main_thread();
  for (int i = 0; i < 40; ++i) {
    const Address pc = t.pc();
    EXPECT_EQ(t.call<int>("add", i, 1), i + 1);
    EXPECT_EQ(t.pc(), pc);
    EXPECT_EQ(d.step().kind, StopKind::stepped);
  }
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(CallWhere, at_a_breakpoint_that_stays_hit) {
  Debugger d(program("functions"));
  d.run(no_stdio());
  to_announcement(d);
  const Breakpoint breakpoint = d.breakpoint("setjmp_is_behind");
  const Stop stop = next_stop(d);
  ASSERT_EQ(stop.kind, StopKind::breakpoint);
  call_some(stop.thread);
  EXPECT_TRUE(breakpoint.hit_on(stop.thread));
  EXPECT_EQ(breakpoint.hit_count(), 1U);
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(breakpoint.hit_count(), 1U);
}

TEST_F(CallWhere, at_the_delivery_of_a_signal) {
  Debugger d(program("functions"));
  d.run(no_stdio());
  to_announcement(d);
  const SignalCatcher catcher = d.catch_signal("SIGUSR1");
  d.send_signal("SIGUSR1");
  const Stop stop = next_stop(d);
  ASSERT_EQ(stop.kind, StopKind::signal);
  const Address count = d.symbols().resolve("handled_signals");
  call_some(stop.thread);
  EXPECT_EQ(d.memory().read_value<int>(count), 0);
  EXPECT_EQ(stop.thread.signal(), SIGUSR1);
  to_announcement(d);
  EXPECT_EQ(d.memory().read_value<int>(count), 1);
  EXPECT_EQ(catcher.hit_count(), 1U);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(CallWhere, in_a_thread_blocked_in_a_call_that_then_goes_on) {
  for (const bool handled : {false, true}) {
    Debugger d(program("functions", {"wait"}));
    Transcript transcript;
    Stdio io = d.run(piped());
    to_announcement(d);
    if (handled) d.handle_syscall("read", transcript.options());
    d.cont();
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(eventually([&] { return state_of(d.pid()) == 'S'; }));
      d.interrupt();
      EXPECT_EQ(d.wait(patience).kind, StopKind::interrupted);
      call_some(d.main_thread());
      d.cont();
    }
    io.send("x");
    EXPECT_EQ(d.wait(patience).exit_code, 0);
    EXPECT_EQ(transcript.text(), handled ? "enter read|exit read" : "");
  }
}

TEST_F(CallWhere, a_breakpoint_inside_stops_it_and_it_can_go_on) {
  Debugger d(program("functions"));
  d.run(no_stdio());
  to_announcement(d);
  const Breakpoint breakpoint = d.breakpoint("increment");
  const Thread t = d.main_thread();
  const Address pc = t.pc();
  const auto interrupted = [&](const std::function<void()>& run) {
    try {
      run();
      ADD_FAILURE() << "it was not interrupted";
    } catch (const CallInterrupted& error) {
      EXPECT_EQ(error.stop().kind, StopKind::breakpoint);
      EXPECT_EQ(error.thread(), CallInterrupted::Thread::in_function);
      EXPECT_TRUE(breakpoint.hit_on(t));
      EXPECT_EQ(t.pc(), breakpoint.address());
    }
  };
  interrupted([&] { t.call<int>("two_points"); });
  EXPECT_TRUE(t.in_call());
  EXPECT_EQ(t.call<int>("add", 1, 2), 3) << "another one inside it";
  interrupted([&] { t.finish_call<int>(); });
  EXPECT_EQ(t.finish_call<int>(), 12);
  EXPECT_FALSE(t.in_call());
  EXPECT_EQ(t.pc(), pc);
  EXPECT_THROW(t.finish_call(), UsageError);
  EXPECT_THROW(t.abandon_call(), UsageError);

  interrupted([&] { t.call<int>("two_points"); });
  t.abandon_call();
  EXPECT_EQ(t.pc(), pc);
  EXPECT_FALSE(t.in_call());

  // cont() lets it end, and the program goes on from where it was.
  interrupted([&] { t.call<int>("two_points"); });
  EXPECT_EQ(next_stop(d).kind, StopKind::breakpoint);
  EXPECT_TRUE(t.in_call());
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(breakpoint.hit_count(), 5U);
}

TEST_F(CallWhere, a_syscall_handler_inside_stops_it_too) {
  Debugger d(program("functions"));
  d.run(no_stdio());
  to_announcement(d);
  const SyscallHandler handler = d.handle_syscall(announcement);
  const Thread t = d.main_thread();
  for (int way = 0; way < 3; ++way) {
    EXPECT_THROW(t.call<int>("two_points"), CallInterrupted);
    EXPECT_TRUE(handler.hit_on_enter(t));
    if (way == 0) t.abandon_call();
    if (way != 1) continue;
    EXPECT_THROW(t.finish_call<int>(), CallInterrupted);
    EXPECT_TRUE(handler.hit_on_exit(t));
    EXPECT_EQ(t.finish_call<int>(), 12);
  }
  handler.disable();
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(CallWhere, in_a_callback_an_interrupted_one_is_given_up) {
  Debugger d(program("functions"));
  d.run(no_stdio());
  const Breakpoint breakpoint = d.breakpoint("increment");
  int interrupted = 0;
  d.handle_syscall(announcement, {.on_enter = [&](Thread& t, SyscallHandler&) {
                     try {
                       t.call<int>("two_points");
                     } catch (const CallInterrupted& error) {
                       EXPECT_EQ(error.thread(), CallInterrupted::Thread::back);
                       EXPECT_EQ(error.stop().kind, StopKind::breakpoint);
                       ++interrupted;
                     }
                     EXPECT_FALSE(t.in_call());
                   }});
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(interrupted, 2);
}

TEST_F(CallWhere, an_interrupted_one_is_left_alone_by_callbacks) {
  Debugger d(program("functions"));
  d.run(no_stdio());
  to_announcement(d);
  d.breakpoint("increment", {.once = true});
  EXPECT_THROW(d.call<int>("two_points"), CallInterrupted);
  int seen = 0;
  d.handle_syscall(announcement, {.on_enter = [&](Thread& t, SyscallHandler&) {
                     if (!t.in_call()) return;
                     ++seen;
                     EXPECT_THROW(t.finish_call(), UsageError);
                     EXPECT_THROW(t.abandon_call(), UsageError);
                   }});
  EXPECT_EQ(d.main_thread().finish_call<int>(), 12);
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(CallWhere, callbacks_of_traps_inside_call_again) {
  Debugger d(program("functions"));
  d.run(no_stdio());
  to_announcement(d);
  int calls = 0;
  d.breakpoint("increment", {.callback = [&](Thread& t, Breakpoint&) {
                 ++calls;
                 EXPECT_EQ(t.call<int>("recurse", 5), 5);
                 // The trap whose callback runs does not see it.
                 EXPECT_EQ(t.call<int>("two_points"), 12);
               }});
  EXPECT_EQ(d.call<int>("two_points"), 12);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(CallWhere, a_lock_of_another_thread_is_waited_for) {
  Debugger d(program("functions", {"threads"}));
  Stdio io = d.run(piped());
  to_announcement(d);
  while (d.threads().size() < 2) next_stop(d);
  EXPECT_THROW(d.call<int>({.others = Others::stop, .timeout = 30ms}, "take_lock"), TimedOut);
  io.send("x");
  EXPECT_EQ(d.call<int>({.timeout = patience}, "take_lock"), 7);
}

TEST_F(CallWhere, interrupted_by_another_thread_of_the_host) {
  Debugger d(program("functions"));
  d.run(no_stdio());
  to_announcement(d);
  std::thread other([&] {
    EXPECT_TRUE(eventually([&] { return d.memory().read_value<int>(d.symbols().resolve("counter")) > 0; }));
    d.interrupt();
  });
  try {
    d.call<void>("forever");
    ADD_FAILURE() << "it returned";
  } catch (const CallInterrupted& error) {
    EXPECT_EQ(error.stop().kind, StopKind::interrupted);
  }
  other.join();
  d.main_thread().abandon_call();
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(CallWhere, several_threads_at_once) {
  Debugger d(program("threads", {"8", "20"}));
  std::atomic<int> calls = 0;
  d.handle_syscall("getppid", {.on_enter = [&](Thread& t, SyscallHandler&) {
                     EXPECT_EQ(t.call<pid_t>("gettid"), t.tid());
                     EXPECT_EQ(t.call<int>("abs", -7), 7);
                     ++calls;
                   }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_GE(calls, 8 * 20);
}

TEST_F(CallWhere, what_threads_have_met_meanwhile_comes_later) {
  constexpr int threads = 4;
  constexpr int rounds = 10;
  Debugger d(program("threads", {std::to_string(threads), std::to_string(rounds)}));
  const SyscallHandler handler = d.handle_syscall("getppid");
  d.run(no_stdio());
  int stops = 0;
  for (Stop stop = next_stop(d); stop.kind != StopKind::exited; stop = next_stop(d)) {
    ++stops;
    for (const Thread& t : d.threads()) {
      EXPECT_EQ(t.call<pid_t>({.others = Others::stop}, "gettid"), t.tid());
    }
    EXPECT_TRUE(handler.hit_on_enter(stop.thread) || handler.hit_on_exit(stop.thread));
  }
  EXPECT_EQ(d.exit_code(), 0);
  EXPECT_EQ(stops, 2 * static_cast<int>(handler.enter_count()));
  EXPECT_EQ(handler.enter_count(), threads * (rounds + 1U));
}

TEST_F(CallWhere, under_an_allow_list) {
  Debugger d(program("seccomp_strict", {"allowed"}));
  int calls = 0;
  d.handle_syscall("write", {.on_enter =
                                 [&](Thread& t, SyscallHandler&) {
                                   EXPECT_EQ(t.call<int>("abs", -7), 7);
                                   EXPECT_EQ(t.call("strlen", std::string(20000, 'x')), 20000U);
                                   ++calls;
                                 },
                             .on_exit = [](Thread& t, SyscallHandler&) { EXPECT_EQ(t.call<int>("abs", -8), 8); }});
  EXPECT_EQ(run_to_exit(d), 7);
  EXPECT_EQ(calls, 3);
}

TEST_F(CallWhere, not_while_a_thread_ends) {
  Debugger d(program("functions"));
  d.run(no_stdio());
  d.on_exit([](Thread& t, const ExitStatus&) { EXPECT_THROW(t.call("add", 1, 2), UsageError); });
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(CallWhere, registers_are_as_before) {
  const auto run = [](SyscallOptions options) {
    Debugger d(program("vector_keeper"));
    d.handle_syscall(announcement, std::move(options));
    return run_to_exit(d);
  };
  // It has no functions of its own worth calling, but any code will do: a return.
  const auto call_there = [](Thread& t, SyscallHandler&) {
    const Allocation code = t.process().allocate(64, {.executable = true});
    // fld1, pcmpeqd xmm0, xmm0, ret.
    code.write(std::string_view("\xd9\xe8\x66\x0f\x76\xc0\xc3", 7));
    t.call<void>(code.address());
  };
  EXPECT_EQ(run({.on_enter = call_there}), 0);
  EXPECT_EQ(run({.on_exit = call_there}), 0);
}

}  // namespace
}  // namespace trapline::live
