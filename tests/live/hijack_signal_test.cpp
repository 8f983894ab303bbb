#include "support.hpp"

#include <csignal>

namespace trapline::live {
namespace {

/// Turning signals into others.
using HijackSignal = Live;

void nothing(Thread&, SignalCatcher&) {}

TEST_F(HijackSignal, the_program_gets_the_other_one_from_the_same_sender) {
  Debugger d(program("signal_script", {"handle:10", "handle:12", "raise:10", "kill:10", "queue:10:7", "raise:12"}));
  const SignalCatcher hijack = d.hijack_signal("SIGUSR1", "SIGUSR2");
  const SignalCatcher second = d.catch_signal("SIGUSR2", {.callback = nothing});
  EXPECT_EQ(run_for_output(d).output, "got 12 -6\ngot 12 0\ngot 12 -1 7\ngot 12 -6\n");
  EXPECT_EQ(hijack.hit_count(), 3U);
  EXPECT_EQ(second.hit_count(), 1U) << "not recursive: its catchers see only its own";
}

TEST_F(HijackSignal, of_a_fault_it_comes_from_us) {
  Debugger d(program("signal_script", {"handle:12", "load"}));
  const SignalCatcher hijack = d.hijack_signal("SIGSEGV", "SIGUSR2", {.once = true});
  const Finished finished = run_for_output(d);
  EXPECT_EQ(finished.output, "got 12 0\n");
  EXPECT_EQ(d.exit_signal(), SIGSEGV) << "the instruction faults again";
  EXPECT_EQ(hijack.hit_count(), 1U);
}

TEST_F(HijackSignal, recursively_the_others_catchers_run_too) {
  Debugger d(program("signal_script", {"handle:10", "handle:12", "handle:14", "raise:10"}));
  Transcript transcript;
  d.hijack_signal(SIGUSR1, SIGUSR2, {.recursive = true});
  d.hijack_signal(SIGUSR2, SIGALRM, {.recursive = true});
  d.catch_signal(SIGALRM, {.callback = [&](Thread& t, SignalCatcher&) { transcript.add(signal_name(t.signal())); }});
  EXPECT_EQ(run_for_output(d).output, "got 14 -6\n");
  EXPECT_EQ(transcript.text(), "SIGALRM");
}

TEST_F(HijackSignal, a_loop_throws_and_the_signal_stays) {
  Debugger d(program("signal_script", {"handle:10", "handle:12", "raise:10"}));
  d.hijack_signal(SIGUSR1, SIGUSR2, {.recursive = true});
  d.hijack_signal(SIGUSR2, SIGUSR1, {.recursive = true});
  const Stdio io = d.run(piped());
  d.cont();
  EXPECT_THROW(static_cast<void>(d.wait(patience)), UsageError);
  EXPECT_EQ(d.signal(), SIGUSR1);
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "got 10 -6\n");
}

TEST_F(HijackSignal, all_leaves_out_the_replacement) {
  Debugger d(program("signal_script", {"handle:12", "raise:10", "raise:12", "raise:15"}));
  const SignalCatcher hijack = d.hijack_signal("all", "SIGUSR2");
  EXPECT_EQ(run_for_output(d).output, "got 12 -6\ngot 12 -6\ngot 12 -6\n");
  EXPECT_EQ(hijack.hit_count(), 2U);
}

TEST_F(HijackSignal, to_one_that_is_blocked_comes_later_and_once) {
  Debugger d(program("signal_script",
                     {"handle:10", "handle:12", "block:12", "raise:10", "handle:14", "raise:14", "unblock:12"}));
  d.hijack_signal(SIGUSR1, SIGUSR2);
  const SignalCatcher second = d.catch_signal(SIGUSR2, {.callback = nothing});
  EXPECT_EQ(run_for_output(d).output, "got 14 -6\ngot 12 -6\n");
  EXPECT_EQ(second.hit_count(), 0U);
}

TEST_F(HijackSignal, stop_and_kill_signals) {
  Debugger d(program("signal_script", {"handle:10", "kill:19", "raise:12"}));
  d.hijack_signal("SIGSTOP", "SIGUSR1");
  d.hijack_signal("SIGUSR2", "SIGKILL");
  EXPECT_EQ(run_for_output(d).output, "got 10 0\n");
  EXPECT_EQ(d.exit_signal(), SIGKILL);
}

TEST_F(HijackSignal, nonsense_is_refused) {
  Debugger d(program("points"));
  const auto why = [&](const SignalSet& from, const SignalId& to) {
    return message_of<UsageError>([&] { d.hijack_signal(from, to); });
  };
  EXPECT_EQ(why("SIGUSR1", "USR1"), "signal SIGUSR1 hijacked to itself");
  EXPECT_EQ(why({SIGUSR2, SIGUSR1}, SIGUSR1), "signal SIGUSR1 hijacked to itself");
  EXPECT_NE(why("SIGKILL", "SIGUSR1").find("the kernel kills without asking"), std::string::npos);
  EXPECT_EQ(why("SIGUSR1", "all"), "a signal can be hijacked to one signal only, not to \"all\"");
  EXPECT_TRUE(why("SIGUSR1", "SIGUSR9").starts_with("there is no signal \"SIGUSR9\"; did you mean SIGUSR1"));
}

}  // namespace
}  // namespace trapline::live
