#include "support.hpp"

#include <array>
#include <thread>

namespace trapline::live {
namespace {

using Stepping = Live;

Debugger steps(std::vector<std::string> args) { return Debugger(program("steps", std::move(args))); }

Address in_binary(const Debugger& d, const char* symbol) { return d.symbols().resolve(Location(symbol).in("binary")); }

/// Goes on to a place once, and leaves no trap there.
Stop to(Debugger& d, const char* symbol) {
  const Breakpoint there = d.breakpoint(Location(symbol).in("binary"));
  const Stop stop = next_stop(d);
  there.remove();
  EXPECT_EQ(stop.kind, StopKind::breakpoint) << stop;
  return stop;
}

TEST_F(Stepping, next_steps_over_every_form_of_call) {
  auto d = steps({"forms"});
  const Breakpoint leaf = d.breakpoint("leaf", {.callback = [](Thread&, Breakpoint&) {}});
  d.run(no_stdio());
  std::size_t calls = 0;
  for (const char* form : {"direct", "register", "stack", "memory", "tracked"}) {
    to(d, (std::string("call_") + form).c_str());
    const Stop stop = d.next();
    EXPECT_EQ(stop.kind, StopKind::stepped) << form;
    EXPECT_EQ(d.main_thread().pc(), in_binary(d, (std::string("after_") + form).c_str())) << form;
    EXPECT_EQ(leaf.hit_count(), ++calls) << "traps in the call are handled";
  }
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Stepping, next_executes_one_instruction_that_is_no_call) {
  auto d = steps({"forms"});
  d.run(no_stdio());
  to(d, "call_forms");
  for (int i = 0; i < 5; ++i) {
    const Address before = d.main_thread().pc();
    EXPECT_EQ(d.next().kind, StopKind::stepped);
    EXPECT_GT(d.main_thread().pc(), before);
    EXPECT_LT(d.main_thread().pc(), before + 16);
  }
  EXPECT_EQ(d.main_thread().pc(), in_binary(d, "call_direct"));
}

TEST_F(Stepping, next_returns_in_its_own_frame_of_a_recursion) {
  auto d = steps({"recursive"});
  d.run(no_stdio());
  to(d, "recursive");
  // Up to the recursive call.
  const Address recursive = in_binary(d, "recursive");
  std::uint64_t sp = 0;
  for (;;) {
    sp = d.regs().rsp();
    const Address before = d.main_thread().pc();
    d.step();
    if (d.main_thread().pc() == recursive) {
      d.finish();
      break;
    }
    ASSERT_LT(before, recursive + 64);
  }
  EXPECT_EQ(d.regs().rsp(), sp);
  EXPECT_EQ(d.regs().rax(), 1U + 1 + 2 + 3 + 4) << "recursive(4)";
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Stepping, next_ends_early_at_a_trap) {
  auto d = steps({"forms"});
  const Breakpoint leaf = d.breakpoint("leaf");
  d.run(no_stdio());
  to(d, "call_direct");
  const Stop stop = d.next();
  EXPECT_EQ(stop.kind, StopKind::breakpoint) << stop;
  ASSERT_EQ(stop.breakpoints.size(), 1U);
  EXPECT_EQ(stop.breakpoints.front(), leaf);
  EXPECT_EQ(d.main_thread().pc(), in_binary(d, "leaf"));
}

TEST_F(Stepping, next_over_a_callee_that_never_returns) {
  auto d = steps({"exit"});
  d.run(no_stdio());
  to(d, "leaves");
  Stop stop = d.next();
  while (stop.kind == StopKind::stepped) stop = d.next();
  EXPECT_EQ(stop.kind, StopKind::exited);
  EXPECT_EQ(stop.exit_code, 7);
  EXPECT_TRUE(d.dead());
}

TEST_F(Stepping, next_ends_where_a_longjmp_over_it_lands) {
  auto d = steps({"longjmp"});
  d.run(no_stdio());
  to(d, "jumps_over");
  const std::uint64_t sp = d.regs().rsp();
  Stop stop = d.next();
  while (stop.kind == StopKind::stepped && d.regs().rsp() <= sp) stop = d.next();
  EXPECT_EQ(stop.kind, StopKind::stepped) << stop;
  const auto function = d.symbols().at(d.main_thread().pc());
  ASSERT_TRUE(function);
  EXPECT_EQ(function->name, "main");
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Stepping, finish_returns_from_leaf_functions_and_recursions) {
  for (const FinishBy by : {FinishBy::unwinding, FinishBy::stepping}) {
    auto d = steps({"recursive"});
    d.run(no_stdio());
    to(d, "leaf");
    EXPECT_EQ(d.finish(by).kind, StopKind::stepped);
    EXPECT_EQ(d.regs().rax(), 1U);
    std::uint64_t sum = 1;
    for (std::uint64_t n = 0; n <= 5; ++n) {
      const auto function = d.symbols().at(d.main_thread().pc());
      ASSERT_TRUE(function);
      ASSERT_EQ(function->name, "recursive");
      EXPECT_EQ(d.finish(by).kind, StopKind::stepped);
      EXPECT_EQ(d.regs().rax(), sum += n);
    }
    EXPECT_EQ(d.symbols().at(d.main_thread().pc())->name, "main");
    EXPECT_EQ(run_out(d).exit_code, 0);
  }
}

TEST_F(Stepping, finish_with_a_breakpoint_on_the_return_address) {
  auto d = steps({"forms"});
  d.run(no_stdio());
  const Breakpoint after = d.breakpoint(in_binary(d, "after_direct"));
  to(d, "leaf");
  const Stop stop = d.finish();
  EXPECT_EQ(stop.kind, StopKind::breakpoint);
  EXPECT_EQ(stop.address, in_binary(d, "after_direct"));
  EXPECT_EQ(after.hit_count(), 1U);
  EXPECT_TRUE(after.armed());
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(after.hit_count(), 1U);
}

TEST_F(Stepping, finish_out_of_comparisons_of_qsort) {
  auto d = steps({"sort"});
  std::size_t finished = 0;
  const Breakpoint compared = d.breakpoint("compared", {.callback = [&](Thread& t, Breakpoint&) {
                                             const Address back = t.saved_ip();
                                             EXPECT_EQ(t.finish().kind, StopKind::stepped);
                                             EXPECT_EQ(t.pc(), back);
                                             ++finished;
                                           }});
  const Finished run = run_for_output(d);
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.output, "63\n");
  EXPECT_GT(finished, 100U);
  EXPECT_EQ(compared.hit_count(), finished);
}

TEST_F(Stepping, step_until_a_place_or_a_limit) {
  auto d = steps({"leaf"});
  d.run(no_stdio());
  to(d, "main");
  EXPECT_EQ(d.step_until("leaf").kind, StopKind::stepped);
  EXPECT_EQ(d.main_thread().pc(), in_binary(d, "leaf"));
  std::vector<Address> places;
  for (int i = 0; i < 3; ++i) {
    places.push_back(d.main_thread().pc());
    EXPECT_EQ(d.step_until("main", 1).kind, StopKind::stepped);
  }
  EXPECT_EQ(places[0], in_binary(d, "leaf"));
  EXPECT_NE(places[1], places[0]);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Stepping, steps_end_early_at_a_breakpoint) {
  auto d = steps({"recursive"});
  d.run(no_stdio());
  to(d, "recursive");
  const Breakpoint leaf = d.breakpoint("leaf");
  const Stop stop = d.step_until("raise", 2000);
  EXPECT_EQ(stop.kind, StopKind::breakpoint) << stop;
  EXPECT_EQ(stop.breakpoints.front(), leaf);
}

TEST_F(Stepping, others_run_or_stay_as_asked) {
  auto d = steps({"threads"});
  d.run(no_stdio());
  to(d, "with_other");
  const Address count = in_binary(d, "other_count");
  const auto counted = [&] { return d.memory().read_value<long>(count); };
  const long before = counted();
  for (int i = 0; i < 20; ++i) d.step();
  EXPECT_EQ(counted(), before) << "the other thread stays at rest";
  // Over waits_for_other, which returns only when the other thread runs.
  while (d.symbols().at(d.main_thread().pc())->name != "waits_for_other") d.step();
  EXPECT_EQ(d.finish().kind, StopKind::stepped);
  EXPECT_GT(counted(), before);
  const long after = counted();
  for (int i = 0; i < 3; ++i) d.step();
  EXPECT_EQ(counted(), after) << "at rest again";
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Stepping, a_trap_of_another_thread_ends_it) {
  auto d = steps({"threads"});
  d.run(no_stdio());
  to(d, "waits_for_other");
  const Breakpoint leaf = d.breakpoint("leaf");
  const Stop stop = d.finish();
  EXPECT_EQ(stop.kind, StopKind::breakpoint) << stop;
  EXPECT_NE(stop.thread, d.main_thread());
  leaf.remove();
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Stepping, an_interrupt_from_another_thread_ends_it) {
  auto d = steps({"threads"});
  d.run(no_stdio());
  to(d, "waits_for_other");
  std::thread interrupter([&] {
    // It leaves its stop once the command has begun.
    EXPECT_TRUE(eventually([&] { return state_of(d.pid()) == 'R'; }));
    d.interrupt();
  });
  // With the other thread at rest this never returns.
  const Stop stop = d.finish(FinishBy::unwinding, Others::stop);
  interrupter.join();
  EXPECT_EQ(stop.kind, StopKind::interrupted) << stop;
  EXPECT_EQ(run_out(d).exit_code, 0);
}

/// Interrupts for as long as it lives.
class Hammer {
 public:
  explicit Hammer(const Debugger& d) : thread_([this, &d] { hammer(d); }) {}
  ~Hammer() {
    enough_ = true;
    thread_.join();
  }
  Hammer(const Hammer&) = delete;
  Hammer& operator=(const Hammer&) = delete;

 private:
  void hammer(const Debugger& d) const {
    try {
      while (!enough_) d.interrupt();
    } catch (const ProcessGone&) {
    }
  }
  std::atomic<bool> enough_ = false;
  std::thread thread_;
};

TEST_F(Stepping, interrupts_without_pause_end_it_each_time) {
  Debugger d(program("spinners", {"2"}));
  d.run(no_stdio());
  to_announcement(d);
  const Thread spinner = d.threads().back();
  const Address nowhere = in_binary(d, "main");
  for (const auto others : {Others::stop, Others::run}) {
    const Hammer hammer(d);
    for (int i = 0; i < 100; ++i) {
      const Stop stop = spinner.step_until(nowhere, 1000, others);
      ASSERT_TRUE(stop.kind == StopKind::interrupted || stop.kind == StopKind::stepped) << stop;
    }
  }
  d.kill();
}

TEST_F(Stepping, a_process_that_ends_during_a_command_is_dead) {
  auto d = steps({"threads"});
  d.run(no_stdio());
  to(d, "waits_for_other");
  const Address nowhere = in_binary(d, "leaf");
  try {
    const Hammer hammer(d);
    while (!d.dead()) {
      const Stop stop = d.step_until(nowhere, 1000, Others::run);
      ASSERT_NE(stop.kind, StopKind::signal) << stop;
    }
  } catch (const UsageError&) {
    // An interrupt came when the thread was exiting already.
    d.cont();
  }
  EXPECT_EQ(d.wait(patience).exit_code, 0);
}

TEST_F(Stepping, a_password_is_found_by_counting_instructions) {
  const std::string alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  const auto instructions = [](const std::string& guess) {
    auto d = steps({"password", guess});
    d.run(no_stdio());
    to(d, "check_password");
    const Address back = d.main_thread().saved_ip();
    std::size_t count = 0;
    while (d.main_thread().pc() != back) {
      d.step();
      ++count;
    }
    return count;
  };
  std::string found;
  for (int i = 0; i < 3; ++i) {
    std::pair<std::size_t, char> best{0, '?'};
    for (const char letter : alphabet) best = std::max(best, {instructions(found + letter), letter});
    found += best.second;
  }
  EXPECT_EQ(found, "tr4");
}

}  // namespace
}  // namespace trapline::live
