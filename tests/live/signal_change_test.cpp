#include "support.hpp"

#include <csignal>

#include <sys/syscall.h>

namespace trapline::live {
namespace {

/// Dropping, changing, delivering and blocking signals, and what that does to the call that they interrupted.
using SignalChange = Live;

void nothing(Thread&, SignalCatcher&) {}

TEST_F(SignalChange, another_one_and_its_siginfo) {
  Debugger d(program("signal_script", {"handle:10", "handle:12", "raise:10"}));
  d.catch_signal(SIGUSR1);
  const Stdio io = d.run(piped());
  const Thread t = next_stop(d).thread;
  siginfo_t info = t.signal_info();
  info.si_signo = 5;
  info.si_code = SI_QUEUE;
  info.si_value.sival_int = 99;
  t.set_signal("SIGUSR2");
  EXPECT_EQ(t.signal_info().si_signo, SIGUSR2);
  EXPECT_EQ(t.signal_info().si_code, SI_TKILL);
  t.set_signal_info(info);
  EXPECT_EQ(t.signal_info().si_signo, SIGUSR2) << "put right";
  EXPECT_EQ(t.invoke_syscall("getpid"), d.pid());
  EXPECT_EQ(t.signal_info().si_value.sival_int, 99) << "after an invocation";
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "got 12 -1 99\n");
}

TEST_F(SignalChange, at_any_other_stop_it_is_delivered_on_resume) {
  Debugger d(program("signal_script", {"handle:10", "announce:1", "announce:2"}));
  Transcript shown;
  Observer observer;
  observer.on_signal = [&](Thread&, const SignalRecord& signal) { shown.add(signal_name(signal.signal)); };
  const Observation observation = d.observe(observer);
  const SignalCatcher all = d.catch_signal("all", {.callback = nothing});
  const Stdio io = d.run(piped());
  to_announcement(d);
  EXPECT_EQ(d.signal(), 0);
  d.set_signal("SIGUSR1");
  EXPECT_EQ(d.signal(), SIGUSR1);
  EXPECT_EQ(d.invoke_syscall("getpid"), d.pid());
  to_announcement(d);
  d.set_signal(SIGUSR2);
  d.set_signal(0);
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "got 10 -6\n");
  EXPECT_EQ(all.hit_count(), 0U) << "set by us: not for catchers";
  EXPECT_EQ(shown.text(), "SIGUSR1");
}

TEST_F(SignalChange, set_for_a_thread_that_blocks_it_waits) {
  Debugger d(program("signal_script", {"block:10", "handle:10", "announce:1", "handle:12", "raise:12", "unblock:10"}));
  const SignalCatcher catcher = d.catch_signal(SIGUSR1, {.callback = nothing});
  const Stdio io = d.run(piped());
  to_announcement(d);
  d.set_signal(SIGUSR1);
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "got 12 -6\ngot 10 -6\n");
  EXPECT_EQ(catcher.hit_count(), 0U);
}

TEST_F(SignalChange, blocked_ones_do_not_reach_the_program) {
  Debugger d(program("signal_script", {"raise:10", "raise:12", "raise:15", "announce:1"}));
  d.set_signals_to_block({"SIGUSR1", "SIGUSR2", "SIGTERM"});
  EXPECT_EQ(d.signals_to_block().items().size(), 3U);
  const SignalCatcher catcher = d.catch_signal(SIGUSR1, {.callback = nothing});
  d.hijack_signal(SIGUSR2, SIGTERM);
  for (int run = 0; run < 2; ++run) {
    d.run(no_stdio());
    to_announcement(d);
    d.set_signal(SIGTERM);
    EXPECT_EQ(run_out(d).exit_code, 0);
    EXPECT_EQ(catcher.hit_count(), 1U) << "catchers see them";
  }
  d.set_signals_to_block({});
  d.run(no_stdio());
  EXPECT_EQ(run_out(d).exit_signal, SIGUSR1);
}

struct Interruption {
  const char* name;
  /// Of SIGUSR1; SIGUSR2 is "restart" when this is "plain" and the other way round.
  const char* handler;
  int into;
  const char* transcript;
  const char* output;
};

std::ostream& operator<<(std::ostream& out, const Interruption& c) { return out << c.name; }

class InterruptedBy : public Live, public ::testing::WithParamInterface<std::tuple<Interruption, bool>> {};

TEST_P(InterruptedBy, the_signal_that_is_delivered) {
  const auto& [c, synchronous] = GetParam();
  const bool plain = std::string(c.handler) == "plain";
  Debugger d(program("signal_script",
                     {plain ? "handle:10" : "restart:10", plain ? "restart:12" : "handle:12", "announce:1", "read"}));
  Transcript transcript;
  const Stdio io = d.run(piped());
  to_announcement(d);
  d.handle_syscall(
      "read",
      {.on_enter = [&](Thread&, SyscallHandler&) { transcript.add("enter"); },
       .on_exit = [&](Thread& t, SyscallHandler&) { transcript.add("exit " + std::to_string(t.syscall_return())); }});
  SignalOptions options;
  const int into = c.into;
  if (!synchronous) options.callback = [into](Thread& t, SignalCatcher&) { t.set_signal(into); };
  const SignalCatcher catcher = d.catch_signal(SIGUSR1, options);
  d.cont();
  ASSERT_TRUE(eventually([&] { return blocked_in(d.pid(), SYS_read); }));
  d.send_signal(SIGUSR1);
  if (synchronous) {
    const Stop stop = d.wait(patience);
    ASSERT_EQ(stop.kind, StopKind::signal) << stop;
    EXPECT_EQ(transcript.text(), "enter") << "nothing is decided yet";
    stop.thread.set_signal(into);
    d.cont();
  } else {
    ASSERT_TRUE(eventually([&] { return catcher.hit_count() == 1; }));
  }
  try {
    io.send("x");
  } catch (const EndOfFile&) {
    // The call ended, and the program with it.
  }
  EXPECT_EQ(rest_of_output(io), c.output);
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  EXPECT_EQ(transcript.text(), c.transcript);
  EXPECT_EQ(catcher.hit_count(), 1U);
}

const Interruption interruptions[] = {
    {"passed_it_ends", "plain", SIGUSR1, "enter|exit -4", "got 10 0\n-4\n"},
    {"passed_it_restarts", "restart", SIGUSR1, "enter|exit 1", "got 10 0\n1\n"},
    {"dropped_it_restarts", "plain", 0, "enter|exit 1", "1\n"},
    {"changed_it_restarts", "plain", SIGUSR2, "enter|exit 1", "got 12 0\n1\n"},
    {"changed_it_ends", "restart", SIGUSR2, "enter|exit -4", "got 12 0\n-4\n"},
    {"changed_to_one_that_is_ignored", "plain", SIGCHLD, "enter|exit 1", "1\n"},
};

INSTANTIATE_TEST_SUITE_P(Call, InterruptedBy, ::testing::Combine(::testing::ValuesIn(interruptions), ::testing::Bool()),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param).name) +
                                  (std::get<1>(test.param) ? "_at_a_stop" : "_in_a_callback");
                         });

TEST_F(SignalChange, an_exit_handler_may_stop_where_the_interrupted_call_ends) {
  Debugger d(program("signal_script", {"handle:10", "announce:1", "read"}));
  const Stdio io = d.run(piped());
  to_announcement(d);
  const SyscallHandler reads = d.handle_syscall("read");
  d.catch_signal(SIGUSR1);
  EXPECT_EQ(next_stop(d).kind, StopKind::syscall_enter);
  d.cont();
  ASSERT_TRUE(eventually([&] { return blocked_in(d.pid(), SYS_read); }));
  d.send_signal(SIGUSR1);
  EXPECT_EQ(d.wait(patience).kind, StopKind::signal);
  const Stop stop = next_stop(d);
  ASSERT_EQ(stop.kind, StopKind::syscall_exit) << stop;
  EXPECT_EQ(stop.thread.syscall_return(), -EINTR);
  reads.remove();
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "got 10 0\n-4\n");
}

TEST_F(SignalChange, a_step_from_a_signal_stop_goes_into_the_handler) {
  Debugger d(program("signal_script", {"handle:10", "raise:10"}));
  d.catch_signal(SIGUSR1);
  const Stdio io = d.run(piped());
  const Thread t = next_stop(d).thread;
  EXPECT_EQ(t.step().kind, StopKind::stepped);
  EXPECT_EQ(t.pc(), d.symbols().resolve("on_signal"));
  EXPECT_EQ(t.signal(), 0);
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "got 10 -6\n");
}

TEST_F(SignalChange, sigsuspend_sees_what_was_put_off_for_an_invocation) {
  Debugger d(program("signal_script", {"handle:10", "block:10", "announce:1", "suspend:10"}));
  d.catch_signal(SIGUSR1, {.callback = [](Thread& t, SignalCatcher&) {
                   EXPECT_EQ(t.invoke_syscall("getpid"), t.pid());
                   EXPECT_EQ(t.signal(), SIGUSR1);
                 }});
  const Stdio io = d.run(piped());
  to_announcement(d);
  d.cont();
  ASSERT_TRUE(eventually([&] { return blocked_in(d.pid(), SYS_rt_sigsuspend); }));
  d.send_signal(SIGUSR1);
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "got 10 0\n");
}

}  // namespace
}  // namespace trapline::live
