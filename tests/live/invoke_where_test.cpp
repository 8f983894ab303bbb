#include "invoking.hpp"

#include <csignal>
#include <sstream>

#include <sched.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace trapline::live {
namespace {

/// At which moments a syscall can be invoked, and that the program does not notice.
using InvokeWhere = Live;

void invoke_there(Thread& t, SyscallHandler&) { invoke_some(t); }

TEST_F(InvokeWhere, in_callbacks_at_enter_and_at_exit) {
  Debugger d(program("calls", {"3", std::to_string(number_in_tracees("getpgid")), "0"}));
  d.handle_syscall("getpgid", {.on_enter = invoke_there, .on_exit = invoke_there});
  const std::string group = std::to_string(::getpgid(0)) + "\n";
  const Finished finished = run_for_output(d);
  EXPECT_EQ(finished.output, group + group + group);
  EXPECT_EQ(finished.status, 0);
}

TEST_F(InvokeWhere, at_synchronous_stops) {
  Debugger d(program("calls", {"2", std::to_string(number_in_tracees("getpgid")), "0"}));
  const SyscallHandler handler = d.handle_syscall("getpgid");
  Stdio io = d.run(piped());
  for (int i = 0; i < 4; ++i) {
    const Stop stop = next_stop(d);
    invoke_some(stop.thread);
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

TEST_F(InvokeWhere, what_was_changed_at_the_stop_holds) {
  Debugger d(program("calls", {"3", std::to_string(number_in_tracees("getpgid")), "0"}));
  d.handle_syscall("getpgid");
  Stdio io = d.run(piped());
  Thread t = next_stop(d).thread;
  t.set_syscall_arg(0, 0x7fffffff);
  invoke_some(t);
  EXPECT_EQ(t.syscall_arg(0), 0x7fffffffU);
  t = next_stop(d).thread;
  EXPECT_EQ(t.syscall_return(), -ESRCH);
  t.set_syscall_return(41);
  invoke_some(t);
  t = next_stop(d).thread;
  t.skip_syscall(42);
  invoke_some(t);
  next_stop(d);
  t = next_stop(d).thread;
  invoke_some(t);
  t.set_syscall_number("getpid");
  invoke_some(t);
  next_stop(d);
  d.cont();
  EXPECT_EQ(rest_of_output(io), "41\n42\n" + std::to_string(d.pid()) + "\n");
}

TEST_F(InvokeWhere, in_callbacks_of_an_invoked_call) {
  Debugger d(program("threads", {"1", "4"}));
  const SyscallOptions options{
      .on_enter = [](Thread& t, SyscallHandler&) { EXPECT_EQ(t.invoke_syscall("access", "/", F_OK), 0); },
      .on_exit = [](Thread& t, SyscallHandler&) { EXPECT_EQ(t.invoke_syscall("access", "/", F_OK), 0); }};
  d.handle_syscall("getppid", options);
  d.handle_syscall("access", {.on_enter = invoke_there, .on_exit = invoke_there});
  EXPECT_EQ(run_to_exit(d), 0);
}

TEST_F(InvokeWhere, registers_are_as_before) {
  const auto run = [](SyscallOptions options) {
    Debugger d(program("vector_keeper"));
    d.handle_syscall(announcement, std::move(options));
    return run_to_exit(d);
  };
  EXPECT_EQ(run({.on_enter = [](Thread&, SyscallHandler&) {}}), 0);
  EXPECT_EQ(run({.on_enter = invoke_there}), 0) << "at enter";
  EXPECT_EQ(run({.on_exit = invoke_there}), 0) << "at exit";
  EXPECT_EQ(run({.on_enter = invoke_there, .on_exit = invoke_there}), 0);
}

TEST_F(InvokeWhere, at_every_step_of_a_program) {
  Debugger d(program("points"));
  d.run(no_stdio());
  const Thread t = d.main_thread();
  for (int i = 0; i < 50; ++i) {
    const Address pc = t.pc();
    const std::uint64_t rax = d.regs().rax();
    const std::uint64_t flags = d.regs().rflags();
    EXPECT_EQ(t.invoke_syscall("getpid"), d.pid());
    EXPECT_EQ(t.pc(), pc);
    EXPECT_EQ(d.regs().rax(), rax);
    EXPECT_EQ(d.regs().rflags(), flags);
    EXPECT_EQ(d.step().kind, StopKind::stepped);
  }
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(InvokeWhere, in_a_computing_thread) {
  Debugger d(program("spin"));
  d.run(no_stdio());
  const Address turns = d.symbols().resolve("turns");
  d.cont();
  for (int i = 0; i < 5; ++i) {
    d.interrupt();
    d.wait(patience);
    invoke_some(d.main_thread());
    const auto before = d.memory().read_value<std::uint64_t>(turns);
    d.cont();
    EXPECT_TRUE(eventually([&] { return d.memory().read_value<std::uint64_t>(turns) > before; }));
  }
}

struct Blocked {
  const char* call;
  const char* output;
  const char* transcript;
};

TEST_F(InvokeWhere, in_a_thread_blocked_in_a_call_that_then_goes_on) {
  const std::vector<Blocked> table = {
      {"read", "1\n", "enter read|exit read"},
      {"nanosleep", "0\n", "enter nanosleep|exit nanosleep"},
      {"poll", "1\n", "enter poll|exit poll"},
      {"futex", "-110\n", "enter futex|exit futex"},
  };
  for (const bool handled : {false, true}) {
    for (const Blocked& blocked : table) {
      SCOPED_TRACE(std::string(blocked.call) + (handled ? " handled" : ""));
      Debugger d(program("interrupted", {blocked.call, "none"}));
      Transcript transcript;
      if (handled) d.handle_syscall(blocked.call, transcript.options());
      Stdio io = d.run(piped());
      d.cont();
      const std::int64_t number = syscall_number(Abi::amd64, blocked.call).value();
      for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(
            eventually([&] { return blocked_in(d.pid(), number) || blocked_in(d.pid(), SYS_restart_syscall); }));
        d.interrupt();
        ASSERT_EQ(d.wait(patience).kind, StopKind::interrupted);
        invoke_some(d.main_thread());
        d.cont();
      }
      io.send("x");
      EXPECT_EQ(rest_of_output(io), blocked.output);
      EXPECT_EQ(d.wait(patience).exit_code, 0);
      EXPECT_EQ(transcript.text(), handled ? blocked.transcript : "");
    }
  }
}

TEST_F(InvokeWhere, in_an_attached_program_blocked_in_read) {
  HostChild child({tracee("echo")});
  ASSERT_EQ(child.read_line(), "ready");
  ASSERT_TRUE(eventually([&] { return blocked_in(child.pid(), SYS_read); }));
  Debugger d(DebuggerOptions{});
  d.attach(child.pid());
  invoke_some(d.main_thread());
  d.detach();
  child.send("a");
  EXPECT_EQ(child.read(1), "b");
  child.close_input();
  EXPECT_EQ(child.exit_status(), 0);
}

TEST_F(InvokeWhere, in_each_of_several_blocked_threads) {
  Debugger d(program("crowd", {"4"}));
  Stdio io = d.run(piped());
  d.cont();
  EXPECT_EQ(read_line(io), "ready");
  d.interrupt();
  d.wait(patience);
  ASSERT_EQ(d.threads().size(), 5U);
  for (const Thread& t : d.threads()) invoke_some(t);
  d.cont();
  io.close();
  EXPECT_EQ(d.wait(patience).exit_code, 0);
}

TEST_F(InvokeWhere, at_the_birth_of_threads) {
  // Interrupted so often, the main thread is sometimes inside its clone, whose result is still to come.
  Debugger d(program("short_threads", {"20000"}));
  const SyscallHandler clones = d.handle_syscall(
      {"clone", "clone3"}, {.on_exit = [&](Thread& t, SyscallHandler&) { EXPECT_GT(t.syscall_return(), d.pid()); }});
  d.run(no_stdio());
  const std::size_t rounds = 300;
  for (std::size_t i = 0; i < rounds; ++i) {
    d.cont();
    d.interrupt();
    ASSERT_EQ(d.wait(patience).kind, StopKind::interrupted);
    EXPECT_EQ(d.invoke_syscall("getppid"), ::getpid()) << "round " << i;
  }
  clones.remove();
  d.kill();
}

TEST_F(InvokeWhere, at_the_birth_of_children) {
  // Likewise with its forks, of which each child is shown and goes on.
  constexpr std::size_t forks = 60;
  for (const bool stopping : {false, true}) {
    SCOPED_TRACE(stopping);
    Debugger d(program("family", std::vector<std::string>(forks, "fork")));
    std::size_t shown = 0;
    if (stopping) {
      d.stop_on_fork();
    } else {
      d.on_fork([&](Thread&, Process&) { ++shown; });
    }
    Stdio io = d.run(piped());
    d.cont();
    while (!d.dead()) {
      try {
        if (d.running()) d.interrupt();
      } catch (const ProcessGone&) {
        // It was quicker.
      }
      const Stop stop = d.wait(patience);
      if (stop.kind == StopKind::exited) break;
      if (stop.kind == StopKind::fork) {
        ++shown;
        stop.child->process().cont();
      }
      EXPECT_EQ(d.invoke_syscall("getppid"), ::getpid());
      d.cont();
    }
    EXPECT_EQ(d.exit_code(), 5);
    EXPECT_EQ(shown, forks);
    std::string output;
    for (std::size_t i = 0; i < forks; ++i) output += "10\n";
    EXPECT_EQ(rest_of_output(io), output);
  }
}

TEST_F(InvokeWhere, in_another_thread_inside_a_callback) {
  Debugger d(program("crowd", {"4"}));
  std::size_t invoked = 0;
  d.handle_syscall(announcement, {.on_enter = [&](Thread& reporting, SyscallHandler&) {
                     for (const Thread& t : reporting.process().threads()) {
                       invoke_some(t);
                       ++invoked;
                     }
                   }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(invoked, 5U);
}

TEST_F(InvokeWhere, before_the_process_exits) {
  Debugger d(program("exit_with", {"9"}));
  d.handle_syscall("exit_group", {.on_enter = invoke_there});
  EXPECT_EQ(run_to_exit(d), 9);
}

TEST_F(InvokeWhere, at_the_exit_of_execve) {
  Debugger d(program("exec_other", {tracee("exit_with"), "8"}));
  d.handle_syscall("execve", {.on_enter = invoke_there, .on_exit = invoke_there});
  EXPECT_EQ(run_to_exit(d), 8);
}

TEST_F(InvokeWhere, forks_leave_parent_and_child_sane) {
  // The child goes on from the same point by itself: it finds no child of its own (-ECHILD) and ends with 0, which the
  // parent then learns from its waitpid.
  struct {
    std::uint64_t flags = 0, pidfd = 0, child_tid = 0, parent_tid = 0, exit_signal = SIGCHLD, rest[6] = {};
  } clone3_args;
  for (const std::string call : {"fork", "clone", "clone3"}) {
    for (const bool at_exit : {false, true}) {
      SCOPED_TRACE(call + (at_exit ? " at exit" : " at enter"));
      Debugger d(program("parent"));
      std::int64_t child = 0;
      const auto fork_there = [&](Thread& t, SyscallHandler&) {
        child = call == "fork"    ? t.invoke_syscall("fork")
                : call == "clone" ? t.invoke_syscall("clone", SIGCHLD, 0, 0, 0, 0)
                                  : t.invoke_syscall("clone3", clone3_args, sizeof clone3_args);
      };
      SyscallOptions options{.once = true};
      (at_exit ? options.on_exit : options.on_enter) = fork_there;
      d.handle_syscall(announcement, options);
      const Finished finished = run_for_output(d);
      EXPECT_GT(child, 0);
      EXPECT_NE(child, d.pid());
      EXPECT_EQ(finished.output, "-10\n-1\n1\n0\n");
      EXPECT_EQ(finished.status, 0);
      EXPECT_TRUE(eventually([&] { return state_of(static_cast<pid_t>(child)) == '?'; }));
    }
  }
}

TEST_F(InvokeWhere, vfork_too) {
  Debugger d(program("parent"));
  Stdio io = d.run(piped());
  to_announcement_exit(d);
  const std::int64_t child = d.invoke_syscall("vfork");
  EXPECT_GT(child, 0);
  d.cont();
  const std::string output = rest_of_output(io);
  EXPECT_NE(output.find("1\n"), std::string::npos) << output;
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  EXPECT_TRUE(eventually([&] { return state_of(static_cast<pid_t>(child)) == '?'; }));
}

TEST_F(InvokeWhere, signals_that_arrive_meanwhile_come_later_and_intact) {
  for (const bool in_callback : {false, true}) {
    SCOPED_TRACE(in_callback);
    Debugger d(program("signal_info"));
    const auto signal_and_invoke = [](Thread& t, SyscallHandler&) {
      sigval value{};
      value.sival_int = 1234;
      EXPECT_EQ(::sigqueue(t.pid(), SIGUSR1, value), 0);
      for (int i = 0; i < 20; ++i) EXPECT_EQ(t.invoke_syscall("getpid"), t.pid());
    };
    std::string output;
    if (in_callback) {
      d.handle_syscall(announcement, {.on_exit = signal_and_invoke, .once = true});
      output = run_for_output(d).output;
    } else {
      Stdio io = d.run(piped());
      Stop stop = to_announcement_exit(d);
      SyscallHandler unused = d.handle_syscall("close");
      signal_and_invoke(stop.thread, unused);
      d.cont();
      output = rest_of_output(io);
    }
    EXPECT_EQ(output, std::to_string(SI_QUEUE) + "\n1234\n1\n");
  }
}

TEST_F(InvokeWhere, a_signal_pending_before_an_enter_callback_does_not_end_the_call) {
  Debugger d(program("calls", {"1", std::to_string(SYS_getpgid), "0"}));
  d.handle_syscall("getpgid", {.on_enter = [](Thread& t, SyscallHandler&) {
                     EXPECT_EQ(::kill(t.pid(), SIGWINCH), 0);
                     invoke_some(t);
                   }});
  EXPECT_EQ(run_for_output(d).output, std::to_string(::getpgid(0)) + "\n");
}

TEST_F(InvokeWhere, a_dead_thread_throws) {
  Debugger d(program("short_threads", {"1"}));
  std::optional<Thread> dead;
  d.handle_syscall("getppid", {.on_enter = [&](Thread& t, SyscallHandler&) { dead = t; }});
  d.run(no_stdio());
  const SyscallHandler at_end = d.handle_syscall("exit_group");
  EXPECT_EQ(next_stop(d).kind, StopKind::syscall_enter);
  ASSERT_TRUE(dead.has_value());
  EXPECT_TRUE(eventually([&] { return dead->dead(); }));
  EXPECT_THROW(dead->invoke_syscall("getpid"), ProcessGone);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(InvokeWhere, in_a_dead_leader_throws) {
  Debugger d(program("leader_exits"));
  d.run(no_stdio());
  const Thread other = to_announcement(d).thread;
  EXPECT_NE(other.tid(), d.pid());
  EXPECT_THROW(d.invoke_syscall("getpid"), Error);
  invoke_some(other);
  EXPECT_EQ(run_out(d).exit_code, 7);
}

TEST_F(InvokeWhere, under_an_allow_list_what_it_allows) {
  Debugger d(program("seccomp_strict"));
  d.handle_syscall("getppid", {.on_enter = [](Thread& t, SyscallHandler&) {
                     EXPECT_EQ(t.invoke_syscall("write", -1, 0, 0), -EBADF);
                     t.skip_syscall(3);
                   }});
  const Finished finished = run_for_output(d);
  EXPECT_EQ(finished.output, "3\n-9\n-9\n");
  EXPECT_EQ(finished.status, 7);
}

}  // namespace
}  // namespace trapline::live
