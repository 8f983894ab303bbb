#include "support.hpp"

#include <cpuid.h>

#include <csignal>
#include <cstdint>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

namespace trapline::live {
namespace {

/// On a processor made of software.
bool emulated() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  __cpuid(0x40000000, eax, ebx, ecx, edx);
  constexpr unsigned tcgt = 0x54474354;
  return ebx == tcgt;
}

constexpr Address later_page = 0x600000000000;

/// Debug registers do not fire on every virtual machine; `tools/vm_test.sh` is one where they do.
class Watchpoint : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    Debugger d(program("watched"));
    try {
      static_cast<void>(d.watchpoint("eight", {.length = 8}));
    } catch (const OsError& error) {
      GTEST_SKIP() << error.what();
    }
  }
};

/// Goes on up to that announcement of the program.
void to_point(const Process& process, long point) {
  while (process.main_thread().syscall_arg(0) != static_cast<std::uint64_t>(0x7e570000 + point))
    to_announcement(process);
}

void at_point(Debugger& d, long point) {
  d.run(no_stdio());
  to_announcement(d);
  to_point(d, point);
}

TEST_F(Watchpoint, stops_at_writes_of_each_length) {
  Debugger d(program("watched"));
  at_point(d, 1);
  struct Case {
    const char* name;
    std::size_t length;
    std::uint64_t before;
    std::uint64_t after;
  };
  const Case cases[] = {{"one", 1, 0, 0x11},
                        {"two", 2, 0, 0x2222},
                        {"four", 4, 0, 0x44444444},
                        {"eight", 8, 0x1122334455667788, 0x8888888888888888}};
  std::vector<Breakpoint> watchpoints;
  for (const Case& one : cases) watchpoints.push_back(d.watchpoint(one.name, {.length = one.length}));
  for (std::size_t i = 0; i < watchpoints.size(); ++i) {
    const Stop stop = next_stop(d);
    EXPECT_EQ(stop.kind, StopKind::watchpoint);
    ASSERT_EQ(stop.breakpoints, std::vector{watchpoints[i]}) << i;
    EXPECT_EQ(stop.address, d.symbols().resolve(cases[i].name));
    EXPECT_EQ(watchpoints[i].old_value(), cases[i].before);
    EXPECT_EQ(watchpoints[i].new_value(), cases[i].after);
    EXPECT_TRUE(watchpoints[i].hit_on(stop.thread));
    EXPECT_EQ(watchpoints[i].hit_count(), 1U);
    std::ostringstream text;
    text << stop;
    EXPECT_NE(text.str().find(cases[i].name), std::string::npos) << text.str();
    EXPECT_NE(text.str().find("-> 0x"), std::string::npos) << text.str();
  }
  for (const Breakpoint& one : watchpoints) one.remove();
  EXPECT_EQ(run_out(d).exit_signal, SIGTRAP) << "its own SIGTRAP, not ours";
}

TEST_F(Watchpoint, sees_reads_when_asked_to) {
  Debugger d(program("watched"));
  at_point(d, 2);
  const Breakpoint both = d.watchpoint("four", {.access = Access::read_write, .length = 4});
  const Breakpoint writes = d.watchpoint("two", {.length = 2});
  EXPECT_EQ(next_stop(d).breakpoints, std::vector{both});
  EXPECT_EQ(both.old_value(), 0x44444444U);
  EXPECT_EQ(both.new_value(), 0x44444444U);
  to_announcement(d);
  EXPECT_EQ(writes.hit_count(), 0U);
}

TEST_F(Watchpoint, sees_a_write_to_a_part) {
  Debugger d(program("watched"));
  at_point(d, 3);
  const Breakpoint whole = d.watchpoint("eight", {.length = 8});
  const Breakpoint same = d.watchpoint("eight", {.length = 8});
  EXPECT_EQ(next_stop(d).breakpoints, (std::vector{whole, same}));
  EXPECT_EQ(whole.new_value(), 0x8888888800000000U);
  whole.remove();
  const Breakpoint last = d.watchpoint("eight+7", {.length = 1});
  const Stop stop = next_stop(d);
  EXPECT_EQ(same.old_value(), 0x8888888800000000U);
  EXPECT_EQ(same.new_value(), 0x9988888800000000U);
  // The emulated machine reports one of the registers that cover an access, a real one all of them.
  if (stop.breakpoints.size() == 1) GTEST_SKIP() << "this processor reports one register for an access";
  EXPECT_EQ(stop.breakpoints, (std::vector{same, last}));
  EXPECT_EQ(last.old_value(), 0x88U);
  EXPECT_EQ(last.new_value(), 0x99U);
}

TEST_F(Watchpoint, callbacks_see_the_values) {
  Debugger d(program("watched"));
  at_point(d, 4);
  std::uint64_t expected = 0;
  const Breakpoint rounds = d.watchpoint("rounds", {.length = 8, .callback = [&](Thread&, Breakpoint& self) {
                                                      EXPECT_EQ(self.old_value(), expected);
                                                      EXPECT_EQ(self.new_value(), ++expected);
                                                    }});
  to_point(d, 5);
  EXPECT_EQ(rounds.hit_count(), 100U);
  EXPECT_EQ(expected, 100U);
}

TEST_F(Watchpoint, conditions_and_counts_are_those_of_all_traps) {
  Debugger d(program("watched"));
  at_point(d, 4);
  std::size_t asked = 0;
  const Breakpoint late = d.watchpoint("rounds", {.length = 8, .ignore_count = 90});
  const Breakpoint when = d.watchpoint(
      "rounds", {.length = 8, .once = true, .condition = [&](Thread& t) {
                   ++asked;
                   return t.memory().read_value<std::uint64_t>(t.process().symbols().resolve("rounds")) == 50;
                 }});
  EXPECT_EQ(next_stop(d).breakpoints, std::vector{when});
  EXPECT_EQ(when.new_value(), 50U);
  EXPECT_EQ(asked, 50U);
  EXPECT_FALSE(when.enabled());
  EXPECT_EQ(next_stop(d).breakpoints, std::vector{late});
  EXPECT_EQ(late.new_value(), 91U);
  EXPECT_EQ(asked, 50U);
}

TEST_F(Watchpoint, hardware_breakpoints_stop_before_the_instruction_each_time) {
  Debugger d(program("watched"));
  at_point(d, 4);
  const Breakpoint called = d.breakpoint("called_often", {.hardware = true});
  for (std::uint64_t i = 1; i <= 10; ++i) {
    const Stop stop = next_stop(d);
    EXPECT_EQ(stop.kind, StopKind::breakpoint);
    EXPECT_EQ(stop.address, d.symbols().resolve("called_often"));
    EXPECT_EQ(d.main_thread().pc(), stop.address);
    EXPECT_EQ(d.regs().rdi(), i);
  }
  called.set_callback([](Thread&, Breakpoint&) {});
  to_point(d, 5);
  EXPECT_EQ(called.hit_count(), 100U);
}

TEST_F(Watchpoint, one_place_with_a_hardware_and_a_software_breakpoint_is_one_stop) {
  Debugger d(program("watched"));
  at_point(d, 4);
  const Breakpoint soft = d.breakpoint("called_often");
  const Breakpoint hard = d.breakpoint("called_often", {.hardware = true});
  for (std::size_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(next_stop(d).breakpoints, (std::vector{soft, hard}));
    EXPECT_EQ(d.regs().rdi(), i);
  }
  soft.set_callback([](Thread&, Breakpoint&) {});
  hard.set_callback([](Thread&, Breakpoint&) {});
  to_point(d, 5);
  EXPECT_EQ(soft.hit_count(), 100U);
  EXPECT_EQ(hard.hit_count(), 100U);
}

TEST_F(Watchpoint, steps_go_through_hardware_breakpoints) {
  Debugger d(program("watched"));
  at_point(d, 4);
  const Breakpoint called = d.breakpoint("called_often", {.hardware = true});
  EXPECT_EQ(next_stop(d).breakpoints, std::vector{called});
  std::size_t calls = 1;
  for (int i = 0; i < 60; ++i) {
    const Address before = d.main_thread().pc();
    const Stop stop = d.step();
    EXPECT_EQ(stop.kind == StopKind::breakpoint, d.main_thread().pc() == before) << "it stops before the instruction";
    if (stop.kind == StopKind::breakpoint) ++calls;
  }
  EXPECT_GT(calls, 3U);
  EXPECT_EQ(called.hit_count(), calls);
  const auto rounds = d.memory().read_value<std::uint64_t>(d.symbols().resolve("rounds"));
  EXPECT_LE(calls - rounds, 1U) << "each call writes once";
}

TEST_F(Watchpoint, a_step_that_ends_in_a_callback_is_one_step) {
  if (emulated()) GTEST_SKIP() << "QEMU's emulation hangs when a single step hits a debug register";
  Debugger d(program("watched"));
  at_point(d, 4);
  const Breakpoint called = d.breakpoint("called_often", {.once = true});
  next_stop(d);
  Debugger other(program("watched"));
  at_point(other, 4);
  other.breakpoint("called_often", {.once = true});
  next_stop(other);
  const Breakpoint rounds = other.watchpoint("rounds", {.length = 8, .callback = [](Thread&, Breakpoint&) {}});
  const auto offset = [](const Debugger& one) { return one.main_thread().pc() - one.symbols().resolve("main"); };
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(d.step().kind, StopKind::stepped);
    EXPECT_EQ(other.step().kind, StopKind::stepped);
    EXPECT_EQ(offset(other), offset(d)) << i;
  }
  EXPECT_GT(rounds.hit_count(), 1U);
}

TEST_F(Watchpoint, is_on_threads_born_later) {
  Debugger d(program("watched"));
  at_point(d, 1);
  std::map<pid_t, std::size_t> hits;
  const Breakpoint shared = d.watchpoint("by_threads", {.length = 8, .callback = [&](Thread& t, Breakpoint&) {
                                                          EXPECT_NE(t.tid(), t.pid());
                                                          ++hits[t.tid()];
                                                        }});
  to_point(d, 6);
  EXPECT_EQ(shared.hit_count(), 120U);
  EXPECT_EQ(hits.size(), 12U);
  for (const auto& [tid, count] : hits) EXPECT_EQ(count, 10U) << tid;
}

TEST_F(Watchpoint, is_kept_in_order_while_a_stop_is_out) {
  Debugger d(program("watched"));
  at_point(d, 5);
  const Breakpoint shared = d.watchpoint("by_threads", {.length = 8});
  std::optional<std::uint64_t> last = 0;
  for (int i = 0; i < 120; ++i) {
    const Stop stop = next_stop(d);
    ASSERT_EQ(stop.kind, StopKind::watchpoint) << i;
    EXPECT_EQ(stop.breakpoints, std::vector{shared});
    EXPECT_TRUE(shared.hit_on(stop.thread));
    EXPECT_NE(stop.thread.tid(), d.pid());
    EXPECT_EQ(shared.old_value(), last) << i << ": each begins where the last one ended";
    last = shared.new_value();
  }
  to_announcement(d);
  EXPECT_EQ(shared.hit_count(), 120U);
}

TEST_F(Watchpoint, counts_each_atomic_write_of_several_threads) {
  if (emulated() && std::thread::hardware_concurrency() > 1)
    GTEST_SKIP() << "QEMU's debug registers miss atomic accesses when it has several processors";
  Debugger d(program("watched"));
  at_point(d, 5);
  std::map<pid_t, std::size_t> hits;
  std::uint64_t sum = 0;
  const Breakpoint added = d.watchpoint("added", {.length = 8, .callback = [&](Thread& t, Breakpoint& self) {
                                                    ++hits[t.tid()];
                                                    sum += *self.new_value() - *self.old_value();
                                                  }});
  to_point(d, 6);
  EXPECT_EQ(added.hit_count(), 120U);
  EXPECT_EQ(hits.size(), 12U);
  for (const auto& [tid, count] : hits) EXPECT_EQ(count, 10U) << tid;
  EXPECT_EQ(sum, 120U) << "another thread may have written before a hit is looked at, but only one hit has it";
  EXPECT_EQ(d.memory().read_value<std::uint64_t>(d.symbols().resolve("added")), 120U);
}

TEST_F(Watchpoint, placed_and_removed_in_callbacks_of_running_threads) {
  Debugger d(program("watched"));
  at_point(d, 5);
  std::optional<Breakpoint> second;
  std::size_t placed = 0;
  bool busy = false;
  const Breakpoint first = d.watchpoint(
      "by_threads", {.length = 8, .callback = [&](Thread& t, Breakpoint&) {
                       // Called for another thread while placing brings all to rest.
                       if (std::exchange(busy, true)) return;
                       if (second) {
                         second->remove();
                         second.reset();
                       } else {
                         second = t.process().watchpoint(
                             "untouched",
                             {.access = Access::read_write, .length = 8, .callback = [](Thread&, Breakpoint&) {}});
                         EXPECT_TRUE(second->armed());
                         ++placed;
                       }
                       busy = false;
                     }});
  to_point(d, 6);
  EXPECT_EQ(first.hit_count(), 120U);
  EXPECT_GE(placed, 20U);
}

TEST_F(Watchpoint, does_not_follow_into_children) {
  Debugger d(program("watched"));
  at_point(d, 6);
  const Breakpoint copy = d.watchpoint("private_copy", {.length = 8});
  EXPECT_EQ(next_stop(d).breakpoints, std::vector{copy});
  EXPECT_EQ(copy.old_value(), 5U);
  EXPECT_EQ(copy.new_value(), 7U);
  to_announcement(d);
  EXPECT_EQ(copy.hit_count(), 1U);
}

TEST_F(Watchpoint, at_an_address_that_is_mapped_later) {
  Debugger d(program("watched"));
  at_point(d, 1);
  const Breakpoint later = d.watchpoint(later_page + 8, {.length = 8});
  EXPECT_TRUE(later.armed());
  const Stop stop = [&] {
    for (;;) {
      Stop one = next_stop(d);
      if (one.kind == StopKind::watchpoint) return one;
    }
  }();
  EXPECT_EQ(stop.address, later_page + 8);
  EXPECT_EQ(later.old_value(), std::nullopt);
  EXPECT_EQ(later.new_value(), 42U);
}

TEST_F(Watchpoint, before_run_and_in_every_run) {
  Debugger d(program("watched"));
  const Breakpoint eight = d.watchpoint("eight", {.length = 8});
  for (int i = 0; i < 3; ++i) {
    d.run(no_stdio());
    EXPECT_EQ(eight.hit_count(), 0U);
    EXPECT_EQ(next_stop(d).breakpoints, std::vector{eight});
    EXPECT_EQ(eight.old_value(), 0x1122334455667788U);
    EXPECT_EQ(eight.hit_count(), 1U);
  }
}

TEST_F(Watchpoint, of_a_symbol_survives_an_exec) {
  Debugger d(program("exec_other", {tracee("watched")}));
  const Breakpoint eight = d.watchpoint("eight", {.length = 8, .pending = true});
  d.run(no_stdio());
  EXPECT_FALSE(eight.armed());
  Stop stop = next_stop(d);
  while (stop.kind != StopKind::watchpoint) stop = next_stop(d);
  EXPECT_EQ(stop.breakpoints, std::vector{eight});
  EXPECT_EQ(eight.new_value(), 0x8888888888888888U);
}

/// Without ASLR the registers are to hold the same in the new image, and the kernel has emptied them.
TEST_F(Watchpoint, of_a_symbol_survives_the_exec_of_a_thread) {
  DebuggerOptions options = program("thread_exec");
  options.aslr = false;
  Debugger d(std::move(options));
  const Breakpoint executed = d.watchpoint("executed", {.length = 8});
  d.run(no_stdio());
  const Stop stop = next_stop(d);
  EXPECT_EQ(stop.breakpoints, std::vector{executed});
  EXPECT_EQ(stop.thread.tid(), d.pid());
  EXPECT_EQ(executed.old_value(), 0U);
  EXPECT_EQ(executed.new_value(), 5U);
  EXPECT_EQ(run_out(d).exit_code, 5);
}

TEST_F(Watchpoint, does_not_see_what_the_kernel_writes) {
  Debugger d(program("watched"));
  at_point(d, 7);
  const Breakpoint buffer = d.watchpoint("from_kernel", {.length = 8});
  to_announcement(d);
  EXPECT_EQ(buffer.hit_count(), 0U);
  EXPECT_NE(d.memory().read_value<std::uint64_t>(d.symbols().resolve("from_kernel")), 0U);
}

TEST_F(Watchpoint, there_are_four_and_equal_ones_share) {
  Debugger d(program("watched"));
  at_point(d, 1);
  std::vector<Breakpoint> all;
  for (const char* name : {"one", "two", "four", "eight"}) all.push_back(d.watchpoint(name));
  all.push_back(d.watchpoint("eight"));
  const std::string text = message_of<UsageError>([&] { static_cast<void>(d.watchpoint("rounds")); });
  EXPECT_NE(text.find("all 4 debug registers are taken, by one, two, four, eight"), std::string::npos) << text;
  all[1].disable();
  const Breakpoint rounds = d.watchpoint("rounds");
  EXPECT_TRUE(rounds.armed());
  EXPECT_THROW(all[1].enable(), UsageError);
  EXPECT_FALSE(all[1].enabled());
  all[3].remove();
  EXPECT_THROW(all[1].enable(), UsageError) << "the other one is still there";
  all[4].remove();
  all[1].enable();
  EXPECT_TRUE(all[1].armed());
}

TEST_F(Watchpoint, nothing_is_left_after_detach) {
  Debugger d(program("watched"));
  at_point(d, 4);
  const Breakpoint rounds = d.watchpoint("rounds", {.length = 8});
  next_stop(d);
  d.set_kill_on_exit(false);
  const pid_t pid = d.pid();
  d.detach();
  EXPECT_FALSE(rounds.armed());
  // It dies of its own SIGTRAP in the end, with the first of ours it would have died before its child was born.
  EXPECT_TRUE(eventually([&] { return gone(pid) || state_of(pid) == 'Z'; }));
}

TEST_F(Watchpoint, wrong_lengths_and_places_say_what_is_right) {
  Debugger d(program("watched"));
  EXPECT_NE(message_of<UsageError>([&] {
              static_cast<void>(d.watchpoint("eight", {.length = 3}));
            }).find("it covers 1, 2, 4 or 8"),
            std::string::npos);
  at_point(d, 1);
  const std::string text = message_of<UsageError>([&] { static_cast<void>(d.watchpoint("eight+4", {.length = 8})); });
  EXPECT_NE(text.find("must be a multiple of 8"), std::string::npos) << text;
  EXPECT_NE(text.find("eight+4"), std::string::npos) << text;
}

TEST_F(Watchpoint, the_programs_own_traps_stay_its_own) {
  Debugger d(program("watched"));
  at_point(d, 7);
  const Breakpoint unused = d.watchpoint("untouched", {.length = 8});
  EXPECT_EQ(run_out(d).exit_signal, SIGTRAP);
  EXPECT_EQ(unused.hit_count(), 0U);
}

TEST_F(Watchpoint, invoking_from_a_hit_disturbs_nothing) {
  Debugger d(program("watched"));
  at_point(d, 4);
  const Breakpoint called = d.breakpoint("called_often", {.hardware = true, .callback = [&](Thread& t, Breakpoint&) {
                                                            EXPECT_EQ(t.invoke_syscall("getpid"), t.pid());
                                                          }});
  const Breakpoint rounds = d.watchpoint("rounds", {.length = 8, .callback = [&](Thread& t, Breakpoint&) {
                                                      EXPECT_EQ(t.invoke_syscall("getpid"), t.pid());
                                                    }});
  to_point(d, 5);
  EXPECT_EQ(called.hit_count(), 100U);
  EXPECT_EQ(rounds.hit_count(), 100U);
}

/// Where they do not fire it is an error to place one.
TEST_F(Live, without_debug_registers_a_watchpoint_is_refused_in_words) {
  Debugger d(program("watched"));
  try {
    static_cast<void>(d.watchpoint("eight", {.length = 8}));
    GTEST_SKIP() << "there are debug registers here";
  } catch (const OsError& error) {
    EXPECT_NE(std::string(error.what()).find("do not fire"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("only breakpoints without them"), std::string::npos) << error.what();
  }
  d.run(no_stdio());
  EXPECT_EQ(run_out(d).exit_signal, SIGTRAP) << "nothing was placed";
}

}  // namespace
}  // namespace trapline::live
