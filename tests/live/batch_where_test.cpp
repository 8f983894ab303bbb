#include "support.hpp"

#include <csignal>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace trapline::live {
namespace {

/// At which moments a batch of calls can be made, and that the program does not notice.
using InvokeBatchWhere = Live;
using Results = std::vector<std::int64_t>;

/// Some batches, with and without copies and results that are passed on.
void batch_some(const Thread& t) {
  for (int i = 0; i < 3; ++i) {
    utsname names{};
    std::array<char, 4> text{};
    const Results results = t.invoke_batch({{"gettid"},
                                            {"close", -1},
                                            {"uname", names},
                                            {"openat", AT_FDCWD, "/proc/self/stat", O_RDONLY | O_CLOEXEC},
                                            {"pread64", result_of(3), text, text.size(), 0, 0},
                                            {"close", result_of(3)},
                                            {"gettid"}});
    ASSERT_EQ(results.size(), 7U);
    EXPECT_EQ(results[0], t.tid());
    EXPECT_EQ(results[1], -EBADF);
    EXPECT_EQ(results[2], 0);
    EXPECT_STREQ(names.sysname, "Linux");
    EXPECT_GE(results[3], 0) << results[3];
    EXPECT_EQ(results[4], 4);
    EXPECT_EQ(std::string(text.data(), 4), std::to_string(t.pid()).append(4, ' ').substr(0, 4));
    EXPECT_EQ(results[5], 0);
    EXPECT_EQ(results[6], t.tid());
  }
}

void batch_there(Thread& t, SyscallHandler&) { batch_some(t); }

TEST_F(InvokeBatchWhere, in_callbacks_at_enter_and_at_exit) {
  Debugger d(program("calls", {"3", std::to_string(number_in_tracees("getpgid")), "0"}));
  d.handle_syscall("getpgid", {.on_enter = batch_there, .on_exit = batch_there});
  const std::string group = std::to_string(::getpgid(0)) + "\n";
  const Finished finished = run_for_output(d);
  EXPECT_EQ(finished.output, group + group + group);
  EXPECT_EQ(finished.status, 0);
}

TEST_F(InvokeBatchWhere, at_synchronous_stops) {
  Debugger d(program("calls", {"2", std::to_string(number_in_tracees("getpgid")), "0"}));
  const SyscallHandler handler = d.handle_syscall("getpgid");
  Stdio io = d.run(piped());
  for (int i = 0; i < 4; ++i) {
    const Stop stop = next_stop(d);
    batch_some(stop.thread);
    EXPECT_EQ(stop.thread.syscall_number(), number_in_tracees("getpgid"));
    EXPECT_EQ(stop.kind, i % 2 == 0 ? StopKind::syscall_enter : StopKind::syscall_exit);
    EXPECT_EQ(handler.hit_on_enter(stop.thread), i % 2 == 0);
    if (stop.kind == StopKind::syscall_exit) {
      EXPECT_EQ(stop.thread.syscall_return(), ::getpgid(0));
    }
  }
  d.cont();
  const std::string group = std::to_string(::getpgid(0)) + "\n";
  EXPECT_EQ(rest_of_output(io), group + group);
}

TEST_F(InvokeBatchWhere, registers_are_as_before) {
  Debugger d(program("vector_keeper"));
  d.handle_syscall(announcement, {.on_enter = batch_there, .on_exit = batch_there});
  EXPECT_EQ(run_to_exit(d), 0);
}

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
                                                  if (++hits <= 20) batch_some(t);
                                                  if (hits == 20) t.process().interrupt();
                                                }});
  d.cont();
  EXPECT_TRUE(watch.hit_on(d.wait(patience).thread));
  EXPECT_GE(hits, 20U);
  batch_some(d.main_thread());
}

TEST_F(InvokeBatchWhere, in_a_thread_blocked_in_a_call_that_then_goes_on) {
  for (const char* const call : {"read", "nanosleep", "poll", "futex"}) {
    for (const bool handled : {false, true}) {
      SCOPED_TRACE(std::string(call) + (handled ? " handled" : ""));
      Debugger d(program("interrupted", {call, "none"}));
      Transcript transcript;
      if (handled) d.handle_syscall(call, transcript.options());
      Stdio io = d.run(piped());
      d.cont();
      for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(eventually([&] {
          return blocked_in(d.pid(), syscall_number(Abi::amd64, call).value()) ||
                 blocked_in(d.pid(), SYS_restart_syscall);
        }));
        d.interrupt();
        ASSERT_EQ(d.wait(patience).kind, StopKind::interrupted);
        batch_some(d.main_thread());
        d.cont();
      }
      io.send("x");
      EXPECT_FALSE(rest_of_output(io).empty());
      EXPECT_EQ(d.wait(patience).exit_code, 0);
      EXPECT_EQ(transcript.text(), handled ? std::string("enter ") + call + "|exit " + call : "");
    }
  }
}

TEST_F(InvokeBatchWhere, in_an_attached_program_blocked_in_read) {
  HostChild child({tracee("echo")});
  ASSERT_EQ(child.read_line(), "ready");
  Debugger d(DebuggerOptions{});
  d.attach(child.pid());
  batch_some(d.main_thread());
  d.detach();
  child.send("a");
  EXPECT_EQ(child.read(1), "b");
  child.close_input();
  EXPECT_EQ(child.exit_status(), 0);
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

TEST_F(InvokeBatchWhere, in_each_of_several_threads) {
  Debugger d(program("crowd", {"4"}));
  Stdio io = d.run(piped());
  d.cont();
  EXPECT_EQ(read_line(io), "ready");
  d.interrupt();
  d.wait(patience);
  ASSERT_EQ(d.threads().size(), 5U);
  for (const Thread& t : d.threads()) batch_some(t);
  d.cont();
  io.close();
  EXPECT_EQ(d.wait(patience).exit_code, 0);
}

TEST_F(InvokeBatchWhere, in_callbacks_of_several_threads_while_the_others_run) {
  Debugger d(program("threads", {"8", "40"}));
  std::size_t batches = 0;
  d.handle_syscall("getppid", {.on_enter =
                                   [&](Thread& t, SyscallHandler&) {
                                     batch_some(t);
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

TEST_F(InvokeBatchWhere, in_another_thread_inside_a_callback) {
  Debugger d(program("crowd", {"4"}));
  std::size_t batches = 0;
  d.handle_syscall(announcement, {.on_enter = [&](Thread& reporting, SyscallHandler&) {
                     for (const Thread& t : reporting.process().threads()) {
                       batch_some(t);
                       ++batches;
                     }
                   }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(batches, 5U);
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
