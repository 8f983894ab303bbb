#include "support.hpp"

#include <algorithm>
#include <csignal>
#include <map>

namespace trapline::live {
namespace {

/// Many signals, of many threads: none lost, none twice, in their order.
using SignalLoad = Live;

void nothing(Thread&, SignalCatcher&) {}

TEST_F(SignalLoad, a_timer_at_a_thousand_hertz) {
  Debugger d(program("signal_script", {"timer:300"}));
  const SignalCatcher all = d.catch_signal("all", {.callback = nothing});
  EXPECT_EQ(run_for_output(d).output, "1\n");
  EXPECT_GE(all.hit_count(), 300U);
}

TEST_F(SignalLoad, half_of_a_timer_dropped) {
  Debugger d(program("signal_script", {"timer:100"}));
  std::size_t count = 0;
  const SignalCatcher all = d.catch_signal("all", {.callback = [&](Thread& t, SignalCatcher&) {
                                             if (++count % 2 == 0) t.set_signal(0);
                                           }});
  EXPECT_EQ(run_for_output(d).output, "1\n");
  EXPECT_GE(all.hit_count(), 199U);
}

TEST_F(SignalLoad, eight_threads_signal_each_other) {
  Debugger d(program("signal_script", {"ring:8:50"}));
  std::map<pid_t, std::vector<int>> rounds;
  const SignalCatcher ring = d.catch_signal("SIGRTMIN", {.callback = [&](Thread& t, SignalCatcher&) {
                                              rounds[t.tid()].push_back(t.signal_info().si_value.sival_int & 0xffff);
                                            }});
  EXPECT_EQ(run_for_output(d).output, "0\n");
  EXPECT_EQ(ring.hit_count(), 400U);
  EXPECT_EQ(rounds.size(), 8U);
  for (const auto& [tid, list] : rounds) {
    EXPECT_EQ(list.size(), 50U);
    EXPECT_TRUE(std::ranges::is_sorted(list));
  }
}

TEST_F(SignalLoad, likewise_with_invocations_in_each_callback) {
  Debugger d(program("signal_script", {"ring:4:30"}));
  const SignalCatcher ring = d.catch_signal(
      "all", {.callback = [&](Thread& t, SignalCatcher&) { EXPECT_EQ(t.invoke_syscall("gettid"), t.tid()); }});
  EXPECT_EQ(run_for_output(d).output, "0\n") << "order and values are intact";
  EXPECT_EQ(ring.hit_count(), 120U);
}

TEST_F(SignalLoad, stops_of_several_threads_come_one_by_one) {
  Debugger d(program("signal_script", {"ring:8:10"}));
  const SignalCatcher ring = d.catch_signal("SIGRTMIN");
  const Stdio io = d.run(piped());
  std::size_t stops = 0;
  for (;;) {
    const Stop stop = next_stop(d);
    if (stop.kind != StopKind::signal) break;
    ++stops;
    EXPECT_TRUE(ring.hit_on(stop.thread));
    EXPECT_EQ(ring.hit_count(), stops) << "those that wait are not counted";
    if (stops % 3 == 0) {
      EXPECT_EQ(stop.thread.invoke_syscall("gettid"), stop.thread.tid());
    }
  }
  EXPECT_EQ(stops, 80U);
  EXPECT_EQ(rest_of_output(io), "0\n");
}

TEST_F(SignalLoad, kept_ones_of_a_removed_catcher_pass_uncounted) {
  Debugger d(program("signal_script", {"ring:8:10"}));
  const SignalCatcher ring = d.catch_signal("SIGRTMIN");
  const Stdio io = d.run(piped());
  EXPECT_EQ(next_stop(d).kind, StopKind::signal);
  ring.remove();
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "0\n");
  EXPECT_EQ(ring.hit_count(), 1U);
}

TEST_F(SignalLoad, while_all_syscalls_are_handled) {
  Debugger d(program("signal_script", {"ring:4:30"}));
  const SignalCatcher all = d.catch_signal("all", {.callback = nothing});
  d.handle_syscall("all", {.on_enter = [](Thread&, SyscallHandler&) {}, .on_exit = [](Thread&, SyscallHandler&) {}});
  EXPECT_EQ(run_for_output(d).output, "0\n");
  EXPECT_EQ(all.hit_count(), 120U);
}

TEST_F(SignalLoad, a_synchronous_catcher_during_callbacks_of_another_thread) {
  Debugger d(program("signal_script", {"ring:8:10"}));
  const SignalCatcher ring = d.catch_signal("SIGRTMIN");
  d.handle_syscall("rt_tgsigqueueinfo", {.on_enter = [](Thread& t, SyscallHandler&) { t.invoke_syscall("getpid"); }});
  const Stdio io = d.run(piped());
  std::size_t stops = 0;
  Stop stop = next_stop(d);
  for (; stop.kind == StopKind::signal; stop = next_stop(d)) ++stops;
  EXPECT_EQ(stop.exit_code, 0) << stop;
  EXPECT_EQ(stops, 80U);
  EXPECT_EQ(ring.hit_count(), 80U);
  EXPECT_EQ(rest_of_output(io), "0\n");
}

}  // namespace
}  // namespace trapline::live
