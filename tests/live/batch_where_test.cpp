#include "invoking.hpp"

#include <csignal>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace trapline::live {
namespace {

/// At which moments a batch of calls can be made, and that the program does not notice.
using InvokeBatchWhere = Live;
using Results = std::vector<std::int64_t>;

void batch_there(Thread& t, SyscallHandler&) { invoke_batches(t); }

TEST_F(InvokeBatchWhere, at_every_step_of_a_program) {
  Debugger d(program("points"));
  d.run(no_stdio());
  const Thread t = d.main_thread();
  // What the code of ours must not have: it would trap after each of its instructions.
  const std::string flags = d.memory().pointer_size() == 4 ? "eflags" : "rflags";
  for (int i = 0; i < 50; ++i) {
    const Address pc = t.pc();
    const std::uint64_t before = d.regs().get(flags);
    EXPECT_EQ(t.invoke_batch({{"getpid"}, {"getpid"}}), Results(2, d.pid()));
    EXPECT_EQ(t.pc(), pc);
    EXPECT_EQ(d.regs().get(flags), before);
    EXPECT_EQ(d.step().kind, StopKind::stepped);
  }
  d.regs().set(flags, d.regs().get(flags) | 0x40100);
  EXPECT_EQ(t.invoke_batch({{"getpid"}, {"getpid"}}), Results(2, d.pid()));
  d.regs().set(flags, d.regs().get(flags) & ~std::uint64_t{0x40100});
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(InvokeBatchWhere, at_breakpoints_and_with_hardware_traps) {
  Debugger d(program("spin"));
  d.run(no_stdio());
  std::size_t hits = 0;
  const Address turns = d.symbols().resolve("turns");
  const Breakpoint watch = d.watchpoint(turns, {.length = 4, .callback = [&](Thread& t, Breakpoint&) {
                                                  if (++hits <= 20) invoke_batches(t);
                                                  if (hits == 20) t.process().interrupt();
                                                }});
  d.cont();
  EXPECT_TRUE(watch.hit_on(d.wait(patience).thread));
  EXPECT_GE(hits, 20U);
  invoke_batches(d.main_thread());
}

TEST_F(InvokeBatchWhere, signals_during_a_call_that_blocks_come_later) {
  Debugger d(program("signal_info"));
  Stdio io = d.run(piped());
  to_announcement_exit(d);
  const pid_t pid = d.pid();
  std::thread sender([&] {
    EXPECT_TRUE(eventually([&] { return blocked_in(pid, SYS_nanosleep); }));
    sigval value{};
    value.sival_int = 1234;
    EXPECT_EQ(::sigqueue(pid, SIGUSR1, value), 0);
  });
  struct Time {
    std::int64_t seconds, nanoseconds;
  } const time{0, 300'000'000};
  struct NarrowTime {
    std::int32_t seconds, nanoseconds;
  } const narrow{0, 300'000'000};
  const bool is_narrow = d.memory().pointer_size() == 4;
  const BatchCall sleep = is_narrow ? BatchCall("nanosleep", narrow, nullptr) : BatchCall("nanosleep", time, nullptr);
  const std::vector<BatchCall> calls{{"getpid"}, sleep, {"getpid"}};
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(d.invoke_batch(calls), (Results{pid, 0, pid}));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 300ms);
  sender.join();
  d.cont();
  EXPECT_EQ(rest_of_output(io), std::to_string(SI_QUEUE) + "\n1234\n1\n");
}

TEST_F(InvokeBatchWhere, a_death_while_a_call_blocks) {
  Debugger d(program("points"));
  d.run(no_stdio());
  const pid_t pid = d.pid();
  std::thread killer([&] {
    EXPECT_TRUE(eventually([&] { return blocked_in(pid, SYS_pause); }));
    EXPECT_EQ(::kill(pid, SIGKILL), 0);
  });
  EXPECT_THROW(d.invoke_batch({{"getpid"}, {"pause"}, {"getpid"}}), ProcessGone);
  killer.join();
  EXPECT_EQ(d.wait(patience).exit_signal, SIGKILL);
}

TEST_F(InvokeBatchWhere, a_stop_of_the_whole_program_while_a_call_blocks) {
  Debugger d(program("points"));
  d.run(no_stdio());
  const pid_t pid = d.pid();
  std::thread stopper([&] {
    EXPECT_TRUE(eventually([&] { return blocked_in(pid, SYS_pause); }));
    EXPECT_EQ(::kill(pid, SIGSTOP), 0);
    EXPECT_EQ(::kill(pid, SIGKILL), 0);
  });
  EXPECT_THROW(d.invoke_batch({{"getpid"}, {"pause"}}), ProcessGone);
  stopper.join();
}

TEST_F(InvokeBatchWhere, in_callbacks_of_several_threads_while_the_others_run) {
  Debugger d(program("threads", {"8", "40"}));
  std::size_t batches = 0;
  d.handle_syscall("getppid", {.on_enter =
                                   [&](Thread& t, SyscallHandler&) {
                                     invoke_batches(t);
                                     ++batches;
                                   },
                               .on_exit = batch_there});
  // Callbacks of other threads run while a call of one's batch is shown to this handler.
  d.handle_syscall("openat", {.on_enter = [&](Thread& t, SyscallHandler&) {
                     EXPECT_EQ(t.invoke_batch({{"gettid"}, {"gettid"}}), Results(2, t.tid()));
                   }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_GE(batches, 320U);
}

TEST_F(InvokeBatchWhere, in_callbacks_that_need_more_and_more_memory) {
  Debugger d(program("threads", {"6", "30"}));
  std::size_t size = 1000;
  const auto need_more = [&](Thread& t, SyscallHandler&) {
    size = size * 5 / 4 % 300'000 + 1000;
    Bytes large(size, std::byte{1});
    const Results results = t.invoke_batch({{"gettid"}, {"getcwd", large, size}, {"access", "/", F_OK}, {"gettid"}});
    EXPECT_EQ(results[0], t.tid());
    EXPECT_GT(results[1], 0);
    EXPECT_EQ(large[0], std::byte{'/'});
    EXPECT_EQ(large.back(), std::byte{1});
    EXPECT_EQ(t.invoke_syscall("getcwd", large, size), results[1]);
  };
  d.handle_syscall("getppid", {.on_enter = need_more, .on_exit = need_more});
  EXPECT_EQ(run_to_exit(d), 0);
}

TEST_F(InvokeBatchWhere, where_no_syscall_can_be_invoked_it_throws) {
  Debugger d(program("short_threads", {"1"}));
  std::optional<Thread> dead;
  d.handle_syscall("getppid", {.on_enter = [&](Thread& t, SyscallHandler&) { dead = t; }});
  d.run(no_stdio());
  EXPECT_THROW(Debugger(program("points")).invoke_batch({{"getpid"}}), Error);
  const SyscallHandler at_end = d.handle_syscall("exit_group");
  EXPECT_EQ(next_stop(d).kind, StopKind::syscall_enter);
  ASSERT_TRUE(dead.has_value());
  EXPECT_TRUE(eventually([&] { return dead->dead(); }));
  EXPECT_THROW(dead->invoke_batch({{"getpid"}, {"getpid"}}), ProcessGone);
  d.stop_on_exit();
  EXPECT_EQ(next_stop(d).kind, StopKind::exiting);
  EXPECT_THROW(d.invoke_batch({{"getpid"}, {"getpid"}}), UsageError);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(InvokeBatchWhere, under_an_allow_list_what_it_allows) {
  Debugger d(program("seccomp_strict"));
  d.handle_syscall("getppid", {.on_enter = [](Thread& t, SyscallHandler&) {
                     EXPECT_EQ(t.invoke_batch({{"write", -1, 0, 0}, {"write", -2, "x", 1}}), Results(2, -EBADF));
                     t.skip_syscall(3);
                   }});
  const Finished finished = run_for_output(d);
  EXPECT_EQ(finished.output, "3\n-9\n-9\n");
  EXPECT_EQ(finished.status, 7);
}

TEST_F(InvokeBatchWhere, a_filter_of_the_program_may_kill_it) {
  Debugger d(program("own_filters"));
  d.handle_syscall("getppid", {.on_exit = [](Thread& t, SyscallHandler&) {
                     EXPECT_THROW(t.invoke_batch({{"gettid"}, {"getegid"}, {"gettid"}}), ProcessGone);
                   }});
  d.run(no_stdio());
  d.cont();
  EXPECT_EQ(d.wait(patience).exit_signal, SIGSYS);
}

TEST_F(InvokeBatchWhere, detached_by_a_callback_of_a_call_in_it) {
  HostChild child({tracee("echo")});
  ASSERT_EQ(child.read_line(), "ready");
  Debugger d(DebuggerOptions{});
  d.attach(child.pid());
  d.handle_syscall("getppid", {.on_enter = [&](Thread&, SyscallHandler&) { d.detach(); }});
  EXPECT_THROW(d.invoke_batch({{"getpid"}, {"getpid"}, {"getppid"}, {"getpid"}}), Error);
  child.send("a");
  EXPECT_EQ(child.read(1), "b");
  child.close_input();
  EXPECT_EQ(child.exit_status(), 0);
}

}  // namespace
}  // namespace trapline::live
