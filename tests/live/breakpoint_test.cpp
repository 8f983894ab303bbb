#include <algorithm>
#include <atomic>
#include <numeric>

#include "hits.hpp"

namespace trapline::live {
namespace {

using BreakpointLive = Live;

TEST_F(BreakpointLive, stops_before_its_instruction) {
  auto d = hits({"loop", "3"});
  const Breakpoint target = d.breakpoint("target");
  EXPECT_FALSE(target.armed()) << "not before the first run";
  d.run(no_stdio());
  EXPECT_TRUE(target.armed());
  for (std::uint64_t i = 0; i < 3; ++i) {
    const Stop stop = next_stop(d);
    ASSERT_EQ(stop.kind, StopKind::breakpoint) << stop;
    ASSERT_EQ(stop.breakpoints.size(), 1U);
    EXPECT_EQ(stop.breakpoints.front(), target);
    EXPECT_EQ(stop.address, target.address());
    EXPECT_EQ(stop.address, d.symbols().resolve(Location("target").in("binary")));
    EXPECT_EQ(d.main_thread().pc(), stop.address);
    EXPECT_EQ(d.regs().rdi(), i);
    EXPECT_TRUE(target.hit_on(stop.thread));
    EXPECT_EQ(target.hit_count(), i + 1);
  }
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(target.hit_count(), 3U);
  EXPECT_FALSE(target.armed());
}

TEST_F(BreakpointLive, callbacks_run_and_the_process_goes_on) {
  auto d = hits({"loop", "1000"});
  std::uint64_t sum = 0;
  const Breakpoint target = d.breakpoint("target", {.callback = [&](Thread& t, Breakpoint& b) {
                                           sum += t.regs().rdi();
                                           EXPECT_TRUE(b.hit_on(t));
                                         }});
  const Finished finished = run_for_output(d);
  EXPECT_EQ(finished.status, 0);
  EXPECT_EQ(finished.output, std::to_string(expected_sum(1000)) + "\n");
  EXPECT_EQ(sum, 999U * 1000 / 2);
  EXPECT_EQ(target.hit_count(), 1000U);
}

TEST_F(BreakpointLive, callbacks_change_what_the_function_sees) {
  auto d = hits({"loop", "1"});
  d.breakpoint("target", {.callback = [](Thread& t, Breakpoint&) { t.regs().set_rdi(100); }});
  EXPECT_EQ(run_for_output(d).output, "301\n");
}

TEST_F(BreakpointLive, a_function_is_skipped_by_moving_the_pc) {
  auto d = hits({"loop", "2"});
  d.breakpoint("target", {.callback = [](Thread& t, Breakpoint&) {
                 const Address sp = t.regs().rsp();
                 t.set_pc(t.memory().read_value<Address>(sp));
                 t.regs().set_rsp(sp + 8);
                 t.regs().set_rax(1000);
               }});
  EXPECT_EQ(run_for_output(d).output, "2000\n");
}

TEST_F(BreakpointLive, memory_shows_the_original_bytes_and_writes_go_underneath) {
  auto d = hits({"loop", "2"});
  d.run(no_stdio());
  const Address target = d.symbols().resolve(Location("target").in("binary"));
  const Bytes before = d.memory().read(target - 64, 256);
  const Breakpoint breakpoint = d.breakpoint("target");
  EXPECT_EQ(d.memory().read(target - 64, 256), before);
  EXPECT_EQ(d.memory().read(target, 1), Bytes(before.begin() + 64, before.begin() + 65));
  // ret, under the trap and beside it.
  d.memory().write_value<std::uint8_t>(target, 0xc3);
  EXPECT_TRUE(breakpoint.armed());
  EXPECT_EQ(d.memory().read_value<std::uint8_t>(target), 0xc3);
  EXPECT_EQ(next_stop(d).kind, StopKind::breakpoint);
  breakpoint.remove();
  EXPECT_EQ(d.memory().read_value<std::uint8_t>(target), 0xc3);
  EXPECT_EQ(d.memory().read(target + 1, 100), Bytes(before.begin() + 65, before.begin() + 165));
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(BreakpointLive, survives_runs_with_its_count_at_zero) {
  auto d = hits({"loop", "5"});
  const Breakpoint target = d.breakpoint("target", {.callback = [](Thread&, Breakpoint&) {}});
  for (int run = 0; run < 5; ++run) {
    d.run(no_stdio());
    EXPECT_EQ(target.hit_count(), 0U);
    d.cont();
    EXPECT_EQ(d.wait(patience).exit_code, 0);
    EXPECT_EQ(target.hit_count(), 5U);
  }
}

TEST_F(BreakpointLive, several_at_one_address_run_in_their_order) {
  auto d = hits({"loop", "1"});
  Transcript transcript;
  const auto note = [&](std::string word) {
    return BreakpointOptions{.callback = [&transcript, word](Thread&, Breakpoint&) { transcript.add(word); }};
  };
  const Breakpoint first = d.breakpoint("target", note("first"));
  const Breakpoint second = d.breakpoint("target", note("second"));
  d.breakpoint("target", note("third"));
  second.disable();
  second.enable();
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "first|second|third");
  second.remove();
  transcript.clear();
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "first|third");
}

TEST_F(BreakpointLive, options_of_all_traps) {
  auto d = hits({"loop", "10"});
  const auto nothing = [](Thread&, Breakpoint&) {};
  const Breakpoint once = d.breakpoint("target", {.callback = nothing, .once = true});
  const Breakpoint late = d.breakpoint("target", {.callback = nothing, .ignore_count = 7});
  const Breakpoint odd =
      d.breakpoint("target", {.callback = nothing, .condition = [](Thread& t) { return t.regs().rdi() % 2 == 1; }});
  for (int run = 0; run < 2; ++run) {
    EXPECT_EQ(run_to_exit(d), 0);
    EXPECT_EQ(once.hit_count(), 1U);
    EXPECT_FALSE(once.enabled());
    EXPECT_EQ(late.hit_count(), 3U);
    EXPECT_EQ(odd.hit_count(), 5U);
  }
}

TEST_F(BreakpointLive, only_on_one_thread) {
  auto d = hits({"threads", "50", "4"});
  std::optional<Breakpoint> chosen;
  std::atomic<std::size_t> all = 0;
  d.breakpoint("target", {.callback = [&](Thread& t, Breakpoint&) {
                 ++all;
                 if (!chosen) chosen = d.breakpoint("target", {.callback = [](Thread&, Breakpoint&) {}, .thread = t});
               }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(all, 200U);
  ASSERT_TRUE(chosen);
  // Placed at its thread's first hit, whose list of traps was settled by then.
  EXPECT_EQ(chosen->hit_count(), 49U);
}

TEST_F(BreakpointLive, disabled_and_removed_in_callbacks) {
  auto d = hits({"loop", "10"});
  const Breakpoint first = d.breakpoint("target", {.callback = [](Thread& t, Breakpoint& b) {
                                          if (t.regs().rdi() == 4) b.disable();
                                        }});
  const Breakpoint second = d.breakpoint("target", {.callback = [](Thread& t, Breakpoint& b) {
                                           if (t.regs().rdi() == 6) b.remove();
                                         }});
  EXPECT_EQ(run_for_output(d).output, std::to_string(expected_sum(10)) + "\n");
  EXPECT_EQ(first.hit_count(), 5U);
  EXPECT_EQ(second.hit_count(), 7U);
  EXPECT_FALSE(second.enabled());
}

TEST_F(BreakpointLive, placed_in_a_callback_of_a_syscall) {
  auto d = hits({"announced", "5"});
  std::optional<Breakpoint> target;
  d.handle_syscall(announcement, {.on_enter = [&](Thread& t, SyscallHandler&) {
                     if (t.syscall_arg(0) == 0x7e570002) {
                       target = d.breakpoint("target", {.callback = [](Thread&, Breakpoint&) {}});
                     }
                   }});
  EXPECT_EQ(run_to_exit(d), 0);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->hit_count(), 3U);
}

TEST_F(BreakpointLive, no_hit_of_many_threads_is_lost_or_invented) {
  constexpr std::size_t threads = 16;
  constexpr std::size_t count = 500;
  auto d = hits({"threads", std::to_string(count), std::to_string(threads)});
  const Breakpoint target = d.breakpoint("target", {.callback = [](Thread&, Breakpoint&) {}});
  const Finished finished = run_for_output(d);
  EXPECT_EQ(finished.output, std::to_string(expected_sum(count) * static_cast<long>(threads)) + "\n");
  EXPECT_EQ(target.hit_count(), threads * count);
}

TEST_F(BreakpointLive, synchronous_hits_of_many_threads_come_one_by_one) {
  constexpr std::size_t threads = 16;
  constexpr std::size_t count = 30;
  auto d = hits({"threads", std::to_string(count), std::to_string(threads)});
  const Breakpoint target = d.breakpoint("target");
  d.run(no_stdio());
  std::size_t stops = 0;
  for (;;) {
    const Stop stop = next_stop(d);
    if (stop.kind == StopKind::exited) break;
    ASSERT_EQ(stop.kind, StopKind::breakpoint) << stop;
    ++stops;
    ASSERT_EQ(target.hit_count(), stops);
    ASSERT_EQ(stop.thread.pc(), target.address());
  }
  EXPECT_EQ(stops, threads * count);
}

TEST_F(BreakpointLive, taken_out_and_put_back_while_threads_run_into_it) {
  constexpr std::size_t threads = 8;
  constexpr std::size_t count = 2000;
  auto d = hits({"threads", std::to_string(count), std::to_string(threads)});
  std::atomic<std::size_t> callbacks = 0;
  const Breakpoint target = d.breakpoint("target", {.callback = [&](Thread&, Breakpoint&) { ++callbacks; }});
  const Stdio io = d.run(piped());
  d.cont();
  while (d.running()) {
    target.disable();
    target.enable();
  }
  const Stop end = d.wait(patience);
  EXPECT_EQ(end.exit_code, 0) << end;
  EXPECT_EQ(rest_of_output(io), std::to_string(expected_sum(count) * static_cast<long>(threads)) + "\n");
  EXPECT_EQ(target.hit_count(), callbacks);
}

TEST_F(BreakpointLive, counts_exactly_beside_traps_that_come_and_go) {
  constexpr std::size_t threads = 16;
  constexpr std::size_t count = 200;
  auto d = hits({"threads", std::to_string(count), std::to_string(threads)});
  std::vector<Breakpoint> others;
  const auto come_and_go = [&](Thread&, Breakpoint& self) {
    switch (self.hit_count() % 5) {
      case 0: others.push_back(d.breakpoint("target", {.callback = [](Thread&, Breakpoint&) {}})); break;
      case 1: others.push_back(d.breakpoint("target", {.once = true})); break;
      case 2:
      case 3:
        if (others.empty()) break;
        others.front().remove();
        others.erase(others.begin());
        break;
      default: break;
    }
  };
  const Breakpoint target = d.breakpoint("target", {.callback = come_and_go});
  const Stdio io = d.run(piped());
  for (Stop stop = next_stop(d); stop.kind != StopKind::exited; stop = next_stop(d)) {
    ASSERT_EQ(stop.kind, StopKind::breakpoint) << stop;
  }
  EXPECT_EQ(rest_of_output(io), std::to_string(expected_sum(count) * static_cast<long>(threads)) + "\n");
  EXPECT_EQ(target.hit_count(), threads * count);
}

TEST_F(BreakpointLive, what_threads_hit_while_the_process_rests_is_undone_when_the_trap_goes) {
  auto d = hits({"threads", "20", "16"});
  const Breakpoint target = d.breakpoint("target");
  d.run(no_stdio());
  ASSERT_EQ(next_stop(d).kind, StopKind::breakpoint);
  target.remove();
  for (const Thread& thread : d.threads()) {
    EXPECT_TRUE(thread == d.main_thread() || thread.pc() != *target.address() + 1);
  }
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(target.hit_count(), 1U);
}

TEST_F(BreakpointLive, signals_at_a_high_rate_neither_lose_nor_invent_hits) {
  auto d = hits({"timer", "20000"});
  const Breakpoint target = d.breakpoint("target", {.callback = [](Thread&, Breakpoint&) {}});
  const Finished finished = run_for_output(d);
  EXPECT_EQ(finished.status, 0);
  EXPECT_EQ(finished.output, std::to_string(expected_sum(20000)) + "\n");
  EXPECT_EQ(target.hit_count(), 20000U);
}

TEST_F(BreakpointLive, a_throwing_callback_leaves_it_stopped_there) {
  auto d = hits({"loop", "2"});
  bool first = true;
  const Breakpoint target = d.breakpoint("target", {.callback = [&](Thread&, Breakpoint&) {
                                           if (std::exchange(first, false)) throw std::runtime_error("no");
                                         }});
  d.run(no_stdio());
  d.cont();
  EXPECT_EQ(message_of<std::runtime_error>([&] { d.wait(patience); }), "no");
  EXPECT_EQ(d.main_thread().pc(), target.address());
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(target.hit_count(), 2U);
}

TEST_F(BreakpointLive, interrupt_in_a_callback_stops_there) {
  auto d = hits({"loop", "2"});
  const Breakpoint target = d.breakpoint("target", {.callback = [&](Thread&, Breakpoint&) { d.interrupt(); }});
  d.run(no_stdio());
  const Stop stop = next_stop(d);
  EXPECT_EQ(stop.kind, StopKind::breakpoint);
  EXPECT_EQ(stop.breakpoints.front(), target);
}

TEST_F(BreakpointLive, callbacks_step_invoke_kill_and_detach) {
  auto d = hits({"loop", "3"});
  const Breakpoint stepping = d.breakpoint("target", {.callback = [&](Thread& t, Breakpoint& b) {
                                             const Address pc = t.pc();
                                             EXPECT_EQ(t.invoke_syscall("getpid"), d.pid());
                                             EXPECT_EQ(t.step().kind, StopKind::stepped);
                                             EXPECT_NE(t.pc(), pc);
                                             if (b.hit_count() == 2) d.detach();
                                           }});
  const Stdio io = d.run(piped());
  d.cont();
  EXPECT_EQ(rest_of_output(io), std::to_string(expected_sum(3)) + "\n");
  EXPECT_EQ(stepping.hit_count(), 2U);

  auto other = hits({"loop", "3"});
  other.breakpoint("target", {.callback = [](Thread& t, Breakpoint&) { t.process().kill(); }});
  other.run(no_stdio());
  EXPECT_EQ(next_stop(other).exit_signal, SIGKILL);
}

TEST_F(BreakpointLive, steps_over_it) {
  auto d = hits({"loop", "2"});
  const Breakpoint target = d.breakpoint("target");
  d.run(no_stdio());
  ASSERT_EQ(next_stop(d).kind, StopKind::breakpoint);
  for (int i = 0; i < 5; ++i) {
    const Address before = d.main_thread().pc();
    EXPECT_EQ(d.step().kind, StopKind::stepped);
    EXPECT_NE(d.main_thread().pc(), before);
  }
  EXPECT_EQ(target.hit_count(), 1U);
  EXPECT_EQ(next_stop(d).kind, StopKind::breakpoint);
  EXPECT_EQ(target.hit_count(), 2U);
}

TEST_F(BreakpointLive, a_step_onto_it_is_no_hit_and_the_next_one_is) {
  auto d = hits({"loop", "1"});
  d.run(no_stdio());
  const Breakpoint target = d.breakpoint("target");
  ASSERT_EQ(next_stop(d).kind, StopKind::breakpoint);
  d.step();
  const Address second = d.main_thread().pc();
  const Breakpoint next = d.breakpoint(second);
  const Stop stop = d.step();
  EXPECT_EQ(stop.kind, StopKind::breakpoint) << stop;
  EXPECT_EQ(stop.address, second);
  EXPECT_EQ(next.hit_count(), 1U);
  EXPECT_EQ(d.step().kind, StopKind::stepped);
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(next.hit_count(), 1U);
}

TEST_F(BreakpointLive, prints_itself) {
  auto d = hits({"loop", "1"});
  d.breakpoint("target");
  d.run(no_stdio());
  std::ostringstream out;
  const Stop stop = next_stop(d);
  out << stop;
  std::ostringstream expected;
  expected << "breakpoint in thread " << d.pid() << " (target at 0x" << std::hex << stop.address << ")";
  EXPECT_EQ(out.str(), expected.str());
}

}  // namespace
}  // namespace trapline::live
