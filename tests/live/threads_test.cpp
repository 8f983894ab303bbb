#include "pairing.hpp"
#include "support.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <map>
#include <set>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace trapline::live {
namespace {

using Threads = Live;

void nothing(Thread&, SyscallHandler&) {}

TEST_F(Threads, eight_in_the_same_syscalls) {
  constexpr std::size_t threads = 8;
  constexpr std::size_t rounds = 300;
  Pairing pairing;
  Debugger d(program("threads", {std::to_string(threads), std::to_string(rounds)}));
  const SyscallHandler all = d.handle_syscall("all", pairing.options());
  const SyscallHandler some = d.handle_syscall({"write", "read"}, {.on_exit = nothing});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(pairing.wrong(), 0U);
  EXPECT_EQ(pairing.threads(), threads + 1);
  EXPECT_EQ(pairing.pairs(SYS_getppid), threads * (rounds + 1));
  EXPECT_EQ(pairing.pairs(SYS_write), threads * rounds);
  EXPECT_EQ(pairing.pairs(SYS_sched_yield), threads * rounds);
  EXPECT_EQ(some.hit_count(), pairing.pairs(SYS_write) + pairing.pairs(SYS_read));
  EXPECT_GE(all.hit_count(), threads * rounds * 4);
}

TEST_F(Threads, eight_with_signals_arriving_meanwhile) {
  Pairing pairing;
  Debugger d(program("storm", {"8", "300"}));
  d.handle_syscall("all", pairing.options());
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(pairing.wrong(), 0U);
  EXPECT_EQ(pairing.pairs(SYS_getppid), 8U * 301U);
}

TEST_F(Threads, of_many_busy_ones_each_gets_its_turn) {
  constexpr std::size_t threads = 40;
  constexpr std::size_t turns = 50;
  constexpr std::size_t most = 200'000;
  std::map<pid_t, std::size_t> calls;
  std::size_t all = 0;
  std::size_t served = 0;
  Debugger d(program("threads", {std::to_string(threads), "100000000"}));
  d.handle_syscall("getppid", {.on_enter = [&](Thread& t, SyscallHandler&) {
                     if (++calls[t.tid()] == turns) ++served;
                     if (served == threads || ++all == most) d.interrupt();
                   }});
  d.run(no_stdio());
  static_cast<void>(next_stop(d));
  // The main thread, which is the oldest, starts them while the others are busy already.
  EXPECT_EQ(served, threads) << "of " << calls.size() << " that were seen";
}

TEST_F(Threads, synchronous_stops_of_several_threads_come_one_by_one) {
  constexpr std::size_t rounds = 20;
  Debugger d(program("threads", {"4", std::to_string(rounds)}));
  const SyscallHandler handler = d.handle_syscall("sched_yield");
  d.run(no_stdio());
  std::map<pid_t, std::size_t> enters;
  std::map<pid_t, std::size_t> exits;
  for (Stop stop = next_stop(d); stop.kind != StopKind::exited; stop = next_stop(d)) {
    const bool enter = stop.kind == StopKind::syscall_enter;
    ++(enter ? enters : exits)[stop.thread.tid()];
    EXPECT_EQ(handler.hit_on_enter(stop.thread), enter);
    ASSERT_EQ(enters[stop.thread.tid()] - exits[stop.thread.tid()], enter ? 1U : 0U);
    for (const Thread& t : d.threads()) EXPECT_TRUE(state_of(t.tid()) == 't' || gone(t.tid())) << state_of(t.tid());
  }
  EXPECT_EQ(d.exit_code(), 0);
  EXPECT_EQ(handler.hit_count(), 4 * rounds);
  EXPECT_EQ(enters.size(), 4U);
}

TEST_F(Threads, are_registered_before_their_first_instruction) {
  constexpr std::size_t count = 200;
  Debugger d(program("short_threads", {std::to_string(count)}));
  std::set<pid_t> born;
  std::size_t died = 0;
  std::size_t strangers = 0;
  Observer observer;
  observer.on_thread_born = [&](Thread& t) { born.insert(t.tid()); };
  observer.on_thread_died = [&](Thread&, int) { ++died; };
  const Observation observation = d.observe(observer);
  const SyscallHandler handler = d.handle_syscall("getppid", {.on_enter = [&](Thread& t, SyscallHandler&) {
                                                    strangers += !born.contains(t.tid());
                                                    const std::vector<Thread> all = d.threads();
                                                    strangers += std::find(all.begin(), all.end(), t) == all.end();
                                                  }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(handler.hit_count(), count);
  EXPECT_EQ(strangers, 0U);
  EXPECT_GE(died, count);
}

TEST_F(Threads, five_hundred) {
  Debugger d(program("crowd", {"500"}));
  const SyscallHandler pauses = d.handle_syscall("pause", {.on_enter = nothing});
  Stdio io = d.run(piped());
  to_announcement_exit(d);
  const std::vector<Thread> threads = d.threads();
  ASSERT_EQ(threads.size(), 501U);
  EXPECT_EQ(threads.front(), d.main_thread());
  std::set<std::uint64_t> stacks;
  for (const Thread& t : threads) {
    stacks.insert(t.regs().rsp());
    EXPECT_FALSE(t.dead());
  }
  EXPECT_EQ(stacks.size(), 501U);
  EXPECT_EQ(threads.back().invoke_syscall("gettid"), threads.back().tid());
  d.cont();
  EXPECT_EQ(read_line(io), "ready");
  EXPECT_TRUE(eventually([&] { return pauses.hit_count() == 500; })) << pauses.hit_count();
  d.interrupt();
  EXPECT_EQ(d.wait(patience).kind, StopKind::interrupted);
  EXPECT_EQ(d.threads().size(), 501U);
  d.cont();
  io.close();
  EXPECT_EQ(d.wait(patience).exit_code, 0);
}

TEST_F(Threads, five_hundred_are_killed_at_once) {
  Debugger d(program("crowd", {"500"}));
  d.run(piped());
  to_announcement(d);
  d.kill();
  EXPECT_EQ(d.exit_signal(), SIGKILL);
  EXPECT_TRUE(d.threads().empty());
}

TEST_F(Threads, the_leader_may_exit_first) {
  Debugger d(program("leader_exits"));
  const SyscallHandler handler = d.handle_syscall(announcement);
  d.run(no_stdio());
  const Stop stop = next_stop(d);
  EXPECT_EQ(stop.kind, StopKind::syscall_enter);
  EXPECT_NE(stop.thread.tid(), d.pid());
  EXPECT_EQ(stop.thread.pid(), d.pid());
  EXPECT_FALSE(d.dead());
  EXPECT_EQ(d.threads(), std::vector<Thread>{stop.thread});
  EXPECT_THROW(static_cast<void>(d.wait(patience)), UsageError) << "its Stop was taken, and nothing is on its way";
  EXPECT_FALSE(stop.thread.memory().read(stop.thread.pc(), 2).empty());
  EXPECT_EQ(next_stop(d).kind, StopKind::syscall_exit);
  handler.remove();
  EXPECT_EQ(run_out(d).exit_code, 7);
}

TEST_F(Threads, one_that_is_not_the_leader_may_exec) {
  Debugger d(program("thread_exec"));
  const SyscallHandler points = d.handle_syscall(announcement, {.on_enter = nothing});
  Transcript transcript;
  pid_t caller = 0;
  d.handle_syscall("execve", {.on_enter =
                                  [&](Thread& t, SyscallHandler&) {
                                    caller = t.tid();
                                    transcript.add("enter");
                                  },
                              .on_exit =
                                  [&](Thread& t, SyscallHandler&) {
                                    transcript.add("exit " + std::to_string(t.syscall_return()));
                                    EXPECT_EQ(t.tid(), d.pid());
                                    EXPECT_EQ(d.threads().size(), 1U);
                                  }});
  EXPECT_EQ(run_to_exit(d), 5);
  EXPECT_NE(caller, d.pid());
  EXPECT_EQ(transcript.text(), "enter|exit 0");
  EXPECT_EQ(points.hit_count(), 2U);
}

TEST_F(Threads, the_process_may_exit_while_some_are_blocked) {
  for (int i = 0; i < 10; ++i) {
    Debugger d(program("crowd", {"30"}));
    d.handle_syscall("all", {.on_enter = nothing, .on_exit = nothing});
    EXPECT_EQ(run_to_exit(d), 0);
    EXPECT_TRUE(d.threads().empty());
  }
}

TEST_F(Threads, each_of_many_busy_ones_gets_its_turn) {
  Debugger d(program("busy", {"threads", "16"}));
  const SyscallHandler handler = d.handle_syscall("getppid", {.on_enter = [](Thread&, SyscallHandler&) {}});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_GE(handler.hit_count(), 16 * 100U);
}

TEST_F(Threads, each_of_many_busy_processes_gets_its_turn) {
  DebuggerOptions options = program("busy", {"processes", "16"});
  options.inherit_traps = true;
  Debugger d(options);
  d.handle_syscall("getppid", {.on_enter = [](Thread&, SyscallHandler&) {}});
  EXPECT_EQ(run_to_exit(d), 0);
}

TEST_F(Threads, others_run_on_during_a_callback) {
  Debugger d(program("companion"));
  d.run(no_stdio());
  const Address turns = d.symbols().resolve("turns");
  bool ran_on = false;
  d.handle_syscall(announcement,
                   {.on_enter =
                        [&](Thread& t, SyscallHandler&) {
                          const auto before = t.memory().read_value<std::uint64_t>(turns);
                          ran_on = eventually([&] { return t.memory().read_value<std::uint64_t>(turns) > before; });
                        },
                    .once = true});
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_TRUE(ran_on);
}

TEST_F(Threads, touching_another_in_a_callback_brings_it_to_rest_until_the_end) {
  Debugger d(program("companion"));
  d.run(no_stdio());
  const Address turns = d.symbols().resolve("turns");
  std::uint64_t at_callback = 0;
  bool went_on = false;
  d.handle_syscall(announcement, {.on_enter = [&](Thread& t, SyscallHandler&) {
                     const auto now = [&] { return t.memory().read_value<std::uint64_t>(turns); };
                     if (t.syscall_arg(0) != 0x7e570001) {
                       went_on = eventually([&] { return now() > at_callback; });
                       return;
                     }
                     const Thread other = d.threads().at(1);
                     EXPECT_NE(other, t);
                     EXPECT_NE(other.pc(), 0U);
                     at_callback = now();
                     EXPECT_EQ(state_of(other.tid()), 't');
                     for (int i = 0; i < 100; ++i) EXPECT_EQ(now(), at_callback);
                   }});
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_TRUE(went_on);
}

/// While a callback waits for its invocation, callbacks of other threads run inside it, also of the same handler; what
/// would stop the process waits until no callback is under way.
TEST_F(Threads, callbacks_of_others_run_while_one_waits_and_stops_wait_for_it) {
  constexpr std::size_t rounds = 10;
  Debugger d(program("threads", {"8", std::to_string(rounds)}));
  std::size_t depth = 0;
  std::size_t deepest = 0;
  const SyscallHandler waiting = d.handle_syscall("sched_yield", {.on_enter = [&](Thread& t, SyscallHandler&) {
                                                    deepest = std::max(deepest, ++depth);
                                                    const timespec moment{.tv_sec = 0, .tv_nsec = 1'000'000};
                                                    EXPECT_EQ(t.invoke_syscall("nanosleep", moment, nullptr), 0);
                                                    --depth;
                                                  }});
  const SyscallHandler stopping = d.handle_syscall("write");
  d.run(no_stdio());
  std::size_t stops = 0;
  for (Stop stop = next_stop(d); stop.kind != StopKind::exited; stop = next_stop(d), ++stops) {
    ASSERT_TRUE(stopping.hit_on(stop.thread)) << stop;
    EXPECT_EQ(depth, 0U);
  }
  EXPECT_EQ(d.exit_code(), 0);
  EXPECT_EQ(stops, 2 * 8 * rounds);
  EXPECT_EQ(waiting.hit_count(), 8 * rounds);
  EXPECT_GT(deepest, 1U);
}

TEST_F(Threads, events_that_are_kept_are_undone_by_a_detach) {
  Debugger d(program("threads", {"8", "50"}));
  const SyscallHandler stopping = d.handle_syscall("sched_yield");
  std::atomic<std::size_t> seen = 0;
  d.handle_syscall("sched_yield", {.on_enter = [&](Thread&, SyscallHandler&) { ++seen; }});
  d.run(no_stdio());
  for (int i = 0; i < 10; ++i) next_stop(d);
  const std::size_t before = seen;
  const pid_t pid = d.pid();
  d.detach();
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, __WALL), pid);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(seen, before);
  EXPECT_LE(stopping.enter_count(), 10U);
}

TEST_F(Threads, a_synchronous_stop_brings_all_to_rest) {
  Debugger d(program("companion"));
  d.run(no_stdio());
  const Address turns = d.symbols().resolve("turns");
  to_announcement(d);
  const auto frozen = d.memory().read_value<std::uint64_t>(turns);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(d.memory().read_value<std::uint64_t>(turns), frozen);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Threads, events_of_others_are_kept_while_one_stop_is_out) {
  // At each stop the other threads have reported their own enters; a handler removed by then leaves no trace of them.
  Debugger d(program("threads", {"8", "50"}));
  const SyscallHandler handler = d.handle_syscall("sched_yield");
  d.run(no_stdio());
  for (int i = 0; i < 10; ++i) next_stop(d);
  const std::size_t dispatched = handler.enter_count();
  EXPECT_LE(dispatched, 10U);
  handler.remove();
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(handler.enter_count(), dispatched) << "an event that nobody saw was counted";
}

}  // namespace
}  // namespace trapline::live
