#include "support.hpp"

#include <array>

namespace trapline::live {
namespace {

using StopWorld = Live;

constexpr std::size_t spinners = 4;

std::array<unsigned long, spinners> turns(const Process& process) {
  return process.memory().read_value<std::array<unsigned long, spinners>>(process.symbols().resolve("turns"));
}

/// Whether every spinning thread has moved on since.
bool all_moved_since(const std::array<unsigned long, spinners>& before, const Process& process) {
  const auto now = turns(process);
  for (std::size_t i = 0; i < spinners; ++i) {
    if (now[i] == before[i]) return false;
  }
  return true;
}

/// All others than the main thread, which is at its own stop.
bool others_rest(const Process& process) {
  for (const Thread& thread : process.threads()) {
    if (state_of(thread.tid()) != 't') return false;
  }
  return true;
}

TEST_F(StopWorld, all_threads_rest_in_a_callback_and_go_on_after_it) {
  Debugger d(program("spinners", {std::to_string(spinners)}));
  std::size_t looked = 0;
  std::size_t wrong = 0;
  d.handle_syscall(announcement, {.on_enter = [&](Thread& t, SyscallHandler&) {
                     const auto start = turns(d);
                     if (!eventually([&] { return all_moved_since(start, d); })) ++wrong;
                     const StoppedWorld world = t.process().stop_world();
                     const auto before = turns(d);
                     for (int i = 0; i < 100; ++i) wrong += turns(d) != before || !others_rest(d);
                     if (++looked == 10) d.kill();
                   }});
  d.run(no_stdio());
  d.cont();
  EXPECT_EQ(d.wait(patience).kind, StopKind::exited);
  EXPECT_EQ(looked, 10U);
  EXPECT_EQ(wrong, 0U);
}

TEST_F(StopWorld, its_end_lets_them_go_on_before_the_callback_returns) {
  Debugger d(program("spinners", {std::to_string(spinners)}));
  bool went_on = false;
  d.handle_syscall(announcement, {.on_enter = [&](Thread&, SyscallHandler&) {
                     StoppedWorld world = d.stop_world();
                     const auto before = turns(d);
                     world.end();
                     went_on = eventually([&] { return all_moved_since(before, d); });
                     d.kill();
                   }});
  d.run(no_stdio());
  d.cont();
  EXPECT_EQ(d.wait(patience).kind, StopKind::exited);
  EXPECT_TRUE(went_on);
}

TEST_F(StopWorld, outside_callbacks_it_waits_for_the_next_stop) {
  Debugger d(program("threads", {"2", "100"}));
  d.handle_syscall("sched_yield", {.once = true});
  d.run(no_stdio());
  d.cont();
  {
    const StoppedWorld world = d.stop_world();
    EXPECT_FALSE(d.running());
  }
  EXPECT_EQ(d.wait(patience).kind, StopKind::syscall_enter);
}

}  // namespace
}  // namespace trapline::live
