#include <malloc.h>

#include "restarting.hpp"
#include "storms.hpp"
#include "transparent.hpp"

namespace trapline::live {
namespace {

/// Long runs, of the label `soak`; the default tests hold short versions of each.
using Soak = Live;

constexpr auto soak_patience = std::chrono::minutes(9);

TEST_F(Soak, a_million_calls_of_eight_threads_with_signals) {
  constexpr std::size_t rounds = 31250;
  Pairing pairing;
  Debugger d(program("storm", {"8", std::to_string(rounds)}));
  const SyscallHandler all = d.handle_syscall("all", pairing.options());
  d.run(no_stdio());
  d.cont();
  const Stop stop = d.wait(soak_patience);
  EXPECT_EQ(stop.kind, StopKind::exited) << stop;
  EXPECT_EQ(stop.exit_code, 0);
  EXPECT_EQ(pairing.wrong(), 0U) << ::testing::PrintToString(pairing.first_wrong());
  EXPECT_GE(pairing.pairs(), 1'000'000U);
  EXPECT_EQ(all.hit_count(), pairing.pairs());
  EXPECT_EQ(pairing.pairs(SYS_getppid), 8 * (rounds + 1));
}

TEST_F(Soak, a_million_calls_of_eight_threads) {
  constexpr std::size_t rounds = 31250;
  Pairing pairing;
  Debugger d(program("threads", {"8", std::to_string(rounds)}));
  d.handle_syscall("all", pairing.options());
  d.run(no_stdio());
  d.cont();
  const Stop stop = d.wait(soak_patience);
  EXPECT_EQ(stop.exit_code, 0) << stop;
  EXPECT_EQ(pairing.wrong(), 0U) << ::testing::PrintToString(pairing.first_wrong());
  EXPECT_GE(pairing.pairs(), 1'000'000U);
}

std::size_t heap_in_use() { return ::mallinfo2().uordblks; }

TEST_F(Soak, a_thousand_runs_of_one_object) {
  const Holdings before = Holdings::now();
  {
    Debugger d(program("points"));
    const SyscallHandler handler = d.handle_syscall("all", {.on_enter = [](Thread&, SyscallHandler&) {}});
    for (int i = 0; i < 100; ++i) ASSERT_EQ(run_to_exit(d), 0);
    const Holdings warm = Holdings::now();
    const std::size_t heap = heap_in_use();
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(run_to_exit(d), 0) << "run " << i;
    EXPECT_TRUE(nothing_left_since(warm)) << warm << ", now " << Holdings::now();
    EXPECT_LT(heap_in_use(), heap + 100'000) << "memory is left by each run";
  }
  EXPECT_TRUE(nothing_left_since(before)) << before << ", now " << Holdings::now();
}

TEST_F(Soak, a_thousand_objects) {
  const Holdings before = Holdings::now();
  std::size_t heap = 0;
  for (int i = 0; i < 1100; ++i) {
    if (i == 100) heap = heap_in_use();
    Debugger d(program("crowd", {"4"}));
    const SyscallHandler handler = d.handle_syscall("all", {.on_exit = [](Thread&, SyscallHandler&) {}});
    Stdio io = d.run(piped());
    if (i % 3 == 1) d.cont();
    if (i % 3 == 2) {
      d.cont();
      io.close();
      ASSERT_EQ(d.wait(patience).exit_code, 0);
    }
  }
  EXPECT_LT(heap_in_use(), heap + 100'000) << "memory is left by each object";
  EXPECT_TRUE(nothing_left_since(before)) << before << ", now " << Holdings::now();
}

TEST_F(Soak, interrupts_of_restarting_calls) { expect_one_call_after(20'000); }

TEST_F(Soak, ten_thousand_forks) { storm_of_forks(10'000, soak_patience); }
TEST_F(Soak, a_thousand_threads_at_once) { storm_of_threads(10, 1000, soak_patience); }
TEST_F(Soak, a_thousand_execs_of_threads) { storm_of_execs(1000, soak_patience); }
TEST_F(Soak, signals_at_a_kilohertz_to_all) { storm_of_signals(20'000, soak_patience); }
TEST_F(Soak, five_hundred_kills_at_random) { storm_of_kills(500, soak_patience); }
TEST_F(Soak, a_script_with_pipelines) { storm_of_pipelines(500, soak_patience); }
TEST_F(Soak, make_of_a_small_project) { storm_of_make(60, soak_patience); }

class SoakTrees : public Live, public ::testing::WithParamInterface<TreeProgram> {};
TEST_P(SoakTrees, run_twenty_times_as_without_us) {
  for (int i = 0; i < 20 && !IsSkipped() && !HasFailure(); ++i) expect_transparent(GetParam());
}
INSTANTIATE_TEST_SUITE_P(Of, SoakTrees, ::testing::ValuesIn(tree_programs), name_of_tree);
INSTANTIATE_TEST_SUITE_P(OfA, SoakTrees, ::testing::Values(redis), name_of_tree);

}  // namespace
}  // namespace trapline::live
