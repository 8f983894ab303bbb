#include "support.hpp"

#include <csignal>
#include <cstring>

namespace trapline::live {
namespace {

/// Catching signals: in callbacks and at stops, each once, with what tells of it.
using Signals = Live;

void nothing(Thread&, SignalCatcher&) {}

SignalCallback note_into(Transcript& transcript, std::string word) {
  return [&transcript, word = std::move(word)](Thread& t, SignalCatcher&) {
    transcript.add(word + " " + signal_name(t.signal()));
  };
}

TEST_F(Signals, a_callback_sees_each_once_and_the_program_gets_it) {
  Debugger d(program("signal_script", {"handle:10", "raise:10", "kill:10", "queue:10:7"}));
  std::vector<int> codes;
  const SignalCatcher catcher = d.catch_signal("SIGUSR1", {.callback = [&](Thread& t, SignalCatcher& self) {
                                                 EXPECT_EQ(t.signal(), SIGUSR1);
                                                 EXPECT_EQ(t.signal_info().si_signo, SIGUSR1);
                                                 EXPECT_TRUE(self.hit_on(t));
                                                 codes.push_back(t.signal_info().si_code);
                                               }});
  EXPECT_EQ(run_for_output(d).output, "got 10 -6\ngot 10 0\ngot 10 -1 7\n");
  EXPECT_EQ(codes, (std::vector<int>{SI_TKILL, SI_USER, SI_QUEUE}));
  EXPECT_EQ(catcher.hit_count(), 3U);
  EXPECT_EQ(run_for_output(d).output, "got 10 -6\ngot 10 0\ngot 10 -1 7\n");
  EXPECT_EQ(catcher.hit_count(), 3U) << "a new run counts from zero";
}

TEST_F(Signals, without_a_callback_it_stops_before_the_delivery) {
  Debugger d(program("signal_script", {"handle:10", "raise:10", "raise:10"}));
  const SignalCatcher catcher = d.catch_signal("USR1");
  const Stdio io = d.run(piped());
  for (std::size_t i = 1; i <= 2; ++i) {
    const Stop stop = next_stop(d);
    ASSERT_EQ(stop.kind, StopKind::signal) << stop;
    EXPECT_EQ(stop.signal, SIGUSR1);
    EXPECT_EQ(stop.catchers, std::vector{catcher});
    EXPECT_TRUE(catcher.hit_on(stop.thread));
    EXPECT_EQ(::testing::PrintToString(stop), "signal in thread " + std::to_string(stop.thread.tid()) + " (SIGUSR1)");
    EXPECT_EQ(d.signal(), SIGUSR1);
    EXPECT_EQ(catcher.hit_count(), i);
  }
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "got 10 -6\ngot 10 -6\n");
  EXPECT_FALSE(catcher.hit_on(d.main_thread()));
  EXPECT_EQ(catcher.hit_count(), 2U);
}

TEST_F(Signals, a_fatal_one_can_be_looked_at_before_it_kills) {
  Debugger d(program("signal_script", {"load"}));
  d.catch_signal("SIGSEGV");
  d.run(no_stdio());
  const Stop stop = next_stop(d);
  ASSERT_EQ(stop.kind, StopKind::signal);
  EXPECT_EQ(stop.address, 0x10U);
  EXPECT_EQ(::testing::PrintToString(stop),
            "signal in thread " + std::to_string(stop.thread.tid()) + " (SIGSEGV at 0x10)");
  EXPECT_EQ(stop.thread.regs().rax(), 0x10U);
  EXPECT_EQ(stop.thread.memory().read(stop.thread.pc(), 2).size(), 2U);
  EXPECT_EQ(stop.thread.signal_info().si_code, SEGV_MAPERR);
  EXPECT_EQ(stop.thread.invoke_syscall("getpid"), d.pid());
  EXPECT_EQ(stop.thread.signal(), SIGSEGV) << "after an invocation";
  EXPECT_EQ(run_out(d).exit_signal, SIGSEGV);
}

TEST_F(Signals, and_be_survived) {
  for (const bool synchronous : {false, true}) {
    Debugger d(program("signal_script", {"load"}));
    const auto mend = [&](const Thread& t) {
      t.regs().set_rax(d.symbols().resolve("fine"));
      t.set_signal(0);
      EXPECT_EQ(t.signal(), 0);
    };
    SignalOptions options;
    if (!synchronous) options.callback = [&](Thread& t, SignalCatcher&) { mend(t); };
    d.catch_signal(SIGSEGV, options);
    const Stdio io = d.run(piped());
    d.cont();
    if (synchronous) {
      mend(d.wait(patience).thread);
      d.cont();
    }
    EXPECT_EQ(rest_of_output(io), "42\n");
    EXPECT_EQ(d.wait(patience).exit_code, 0);
  }
}

TEST_F(Signals, handlers_of_the_program_work_as_without_us) {
  const std::vector<std::string> script{
      "handle:11",  "fault",    "handle:10",  "alt:12",     "raise:12",   "block:10",  "kill:10",
      "unblock:10", "block:34", "queue:34:1", "queue:34:2", "queue:34:3", "handle:34", "unblock:34",
      "ignore:15",  "raise:15", "handle:5",   "raise:5",    "int3",       "handle:17", "child"};
  const std::string output =
      "got 11 1 0x10\nalt 12 -6\ngot 10 0\ngot 34 -1 1\ngot 34 -1 2\ngot 34 -1 3\n"
      "got 5 -6\ngot 5 128\ngot 17 1\n";
  Debugger plain(program("signal_script", script));
  EXPECT_EQ(run_for_output(plain).output, output);
  Debugger d(program("signal_script", script));
  Transcript transcript;
  d.catch_signal("all", {.callback = note_into(transcript, "all")});
  const Finished finished = run_for_output(d);
  EXPECT_EQ(finished.output, output);
  EXPECT_EQ(finished.status, 0);
  EXPECT_EQ(
      transcript.text(),
      "all SIGSEGV|all SIGUSR2|all SIGUSR1|all SIGRTMIN|all SIGRTMIN|all SIGRTMIN|all SIGTERM|all SIGTRAP|all SIGTRAP|"
      "all SIGCHLD");
}

TEST_F(Signals, those_that_a_call_takes_make_no_delivery) {
  Debugger d(program("signal_script", {"block:14", "kill:14", "wait:14", "block:12", "kill:12", "fd:12"}));
  const SignalCatcher all = d.catch_signal("all");
  const Stdio io = d.run(piped());
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "waited 14 0\nfd 12 0\n");
  EXPECT_EQ(all.hit_count(), 0U);
}

TEST_F(Signals, several_run_in_their_order_those_for_all_last) {
  Debugger d(program("signal_script", {"handle:10", "raise:10"}));
  Transcript transcript;
  d.catch_signal("*", {.callback = note_into(transcript, "all")});
  d.catch_signal({"SIGUSR1", "SIGUSR2"}, {.callback = note_into(transcript, "first")});
  d.catch_signal("!SIGCHLD", {.callback = note_into(transcript, "second")});
  d.catch_signal("SIGUSR2", {.callback = note_into(transcript, "none")});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "first SIGUSR1|second SIGUSR1|all SIGUSR1");
}

TEST_F(Signals, once_ignore_count_condition_and_thread) {
  Debugger d(program("signal_script", {"handle:10", "raise:10", "raise:10", "raise:10"}));
  const SignalCatcher once = d.catch_signal(SIGUSR1, {.callback = nothing, .once = true});
  const SignalCatcher later = d.catch_signal(SIGUSR1, {.callback = nothing, .ignore_count = 2});
  const SignalCatcher never = d.catch_signal(SIGUSR1, {.callback = nothing, .condition = [](Thread& t) {
                                                         EXPECT_EQ(t.signal(), SIGUSR1);
                                                         return false;
                                                       }});
  d.run(no_stdio());
  const SignalCatcher mine = d.catch_signal(SIGUSR1, {.callback = nothing, .thread = d.main_thread()});
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(once.hit_count(), 1U);
  EXPECT_FALSE(once.enabled());
  EXPECT_EQ(later.hit_count(), 1U);
  EXPECT_EQ(never.hit_count(), 0U);
  EXPECT_EQ(mine.hit_count(), 3U);
}

TEST_F(Signals, disabled_removed_and_replaced) {
  Debugger d(program("signal_script", {"handle:10", "raise:10", "raise:10", "raise:10", "raise:10"}));
  const SignalCatcher removed =
      d.catch_signal(SIGUSR1, {.callback = [](Thread&, SignalCatcher& self) { self.remove(); }});
  const SignalCatcher disabled =
      d.catch_signal(SIGUSR1, {.callback = [](Thread&, SignalCatcher& self) { self.disable(); }});
  std::size_t replaced_hits = 0;
  const SignalCatcher replaced = d.catch_signal(SIGUSR1, {.callback = [&](Thread&, SignalCatcher& self) {
                                                  self.set_callback([&](Thread&, SignalCatcher& again) {
                                                    ++replaced_hits;
                                                    again.set_callback({});
                                                  });
                                                }});
  d.run(no_stdio());
  EXPECT_EQ(next_stop(d).kind, StopKind::signal);
  EXPECT_EQ(replaced.hit_count(), 3U);
  EXPECT_EQ(replaced_hits, 1U);
  replaced.disable();
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(removed.hit_count(), 1U);
  EXPECT_EQ(disabled.hit_count(), 1U);
  EXPECT_FALSE(removed.enabled());
}

TEST_F(Signals, interrupt_in_a_callback_makes_it_a_stop) {
  Debugger d(program("signal_script", {"handle:10", "raise:10"}));
  d.catch_signal(SIGUSR1, {.callback = [](Thread& t, SignalCatcher&) { t.process().interrupt(); }});
  const Stdio io = d.run(piped());
  EXPECT_EQ(next_stop(d).kind, StopKind::signal);
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "got 10 -6\n");
}

TEST_F(Signals, what_a_callback_throws_stops_it_there) {
  Debugger d(program("signal_script", {"handle:10", "raise:10"}));
  d.catch_signal(SIGUSR1, {.callback = [](Thread&, SignalCatcher&) { throw std::runtime_error("mine"); }});
  const Stdio io = d.run(piped());
  d.cont();
  EXPECT_THROW(static_cast<void>(d.wait(patience)), std::runtime_error);
  EXPECT_EQ(d.signal(), SIGUSR1);
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "got 10 -6\n");
}

TEST_F(Signals, kill_and_detach_in_a_callback) {
  Debugger killed(program("signal_script", {"raise:10"}));
  const SignalCatcher catcher =
      killed.catch_signal(SIGUSR1, {.callback = [](Thread& t, SignalCatcher&) { t.process().kill(); }});
  killed.run(no_stdio());
  EXPECT_EQ(run_out(killed).exit_signal, SIGKILL);
  EXPECT_EQ(catcher.hit_count(), 1U);
  EXPECT_FALSE(catcher.hit_on(killed.main_thread()));
  EXPECT_THROW(killed.send_signal(SIGUSR1), ProcessGone);

  Debugger d(program("signal_script", {"handle:10", "raise:10"}));
  d.catch_signal(SIGUSR1, {.callback = [](Thread& t, SignalCatcher&) { t.process().detach(); }});
  const Stdio io = d.run(piped());
  d.cont();
  EXPECT_EQ(rest_of_output(io), "got 10 -6\n");
}

TEST_F(Signals, detaching_at_a_signal_stop_delivers_what_was_decided) {
  for (const int into : {0, SIGUSR1, SIGUSR2}) {
    for (const bool invoke : {false, true}) {
      Debugger d(program("signal_script", {"handle:10", "handle:12", "raise:10"}));
      d.catch_signal(SIGUSR1);
      const Stdio io = d.run(piped());
      EXPECT_EQ(next_stop(d).kind, StopKind::signal);
      if (invoke) {
        EXPECT_EQ(d.invoke_syscall("getpid"), d.pid());
      }
      d.set_signal(into);
      d.detach();
      EXPECT_EQ(rest_of_output(io), into == 0 ? "" : "got " + std::to_string(into) + " -6\n") << invoke;
    }
  }
}

TEST_F(Signals, job_control_goes_on_working) {
  Debugger d(program("signal_script", {"handle:18", "kill:19", "announce:1"}));
  Transcript transcript;
  d.catch_signal({"SIGSTOP", "SIGCONT"}, {.callback = note_into(transcript, "caught")});
  const Stdio io = d.run(piped());
  d.cont();
  ASSERT_TRUE(eventually([&] { return transcript.size() == 1 && state_of(d.pid()) == 't'; }));
  d.send_signal(SIGCONT);
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "got 18 0\n");
  EXPECT_EQ(transcript.text(), "caught SIGSTOP|caught SIGCONT");
}

TEST_F(Signals, a_dropped_stop_signal_stops_nothing) {
  Debugger d(program("signal_script", {"kill:19", "kill:20", "handle:10", "raise:10"}));
  d.catch_signal({"SIGSTOP", "SIGTSTP"}, {.callback = [](Thread& t, SignalCatcher&) { t.set_signal(0); }});
  EXPECT_EQ(run_for_output(d).output, "got 10 -6\n");
}

TEST_F(Signals, sent_by_us_they_are_caught_like_any_other) {
  Debugger d(program("signal_script", {"handle:10", "announce:1", "announce:2"}));
  std::vector<siginfo_t> seen;
  d.catch_signal(SIGUSR1, {.callback = [&](Thread& t, SignalCatcher&) { seen.push_back(t.signal_info()); }});
  const Stdio io = d.run(piped());
  to_announcement(d);
  d.send_signal("SIGUSR1");
  to_announcement(d);
  d.main_thread().send_signal(SIGUSR1);
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "got 10 0\ngot 10 -6\n");
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].si_pid, ::getpid());
  EXPECT_EQ(seen[1].si_code, SI_TKILL);
}

TEST_F(Signals, what_is_no_signal_is_refused) {
  Debugger d(program("points"));
  const auto why = [&](const SignalSet& set) { return message_of<UsageError>([&] { d.catch_signal(set); }); };
  EXPECT_TRUE(why("SIGURS1").starts_with("there is no signal \"SIGURS1\"; did you mean SIGUSR1"));
  EXPECT_EQ(why(65), "there is no signal 65; signals are 1 to 64");
  EXPECT_EQ(why(0), "there is no signal 0; signals are 1 to 64");
  EXPECT_NE(why("SIGKILL").find("SIGKILL can be neither caught"), std::string::npos);
  EXPECT_EQ(why({}), "an empty set of signals: name some, or \"all\"");
  EXPECT_THROW(d.set_signals_to_block(SIGKILL), UsageError);
  EXPECT_THROW(d.send_signal(SIGUSR1), UsageError) << "before the first run";
  d.run(no_stdio());
  EXPECT_THROW(static_cast<void>(d.main_thread().signal_info()), UsageError);
  EXPECT_THROW(d.main_thread().set_signal_info({}), UsageError);
  EXPECT_EQ(d.signal(), 0);
}

}  // namespace
}  // namespace trapline::live
