// Who is on the tracer's CPU, and gets his own back.
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <vector>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>

#include "one_cpu.hpp"

namespace trapline::live {
namespace {

TEST_F(OneCpu, is_off_by_default) {
  Debugger d(command({tracee("affinity")}));
  const Stdio io = begin(d);
  if (::getenv("TRAPLINE_TEST_ONE_CPU") == nullptr) {
    EXPECT_EQ(tracer_cpus(d), own_);
    EXPECT_EQ(cpus_of(d.pid()), own_);
  }
  end(d, io);
}

TEST_F(OneCpu, detach_gives_each_thread_what_it_believes_to_have) {
  Debugger d(one_cpu(program("affinity")));
  d.set_kill_on_exit(false);
  const Stdio io = begin(d);
  EXPECT_EQ(ask(io, "thread set 2"), "0");
  EXPECT_EQ(ask(io, "child set 1"), "0");
  const auto processes = d.processes();
  ASSERT_EQ(processes.size(), 2U);
  std::vector<pid_t> tids;
  for (const Thread& thread : d.threads()) tids.push_back(thread.tid());
  ASSERT_EQ(tids.size(), 2U);
  d.interrupt();
  d.detach();
  EXPECT_EQ(cpus_of(tids[0]), own_);
  EXPECT_EQ(cpus_of(tids[1]), 2U);
  EXPECT_TRUE(one_bit(tracer_cpus(d))) << "the child is still traced";
  EXPECT_TRUE(one_bit(cpus_of(processes[1].pid())));
  d.detach_tree();
  EXPECT_EQ(cpus_of(processes[1].pid()), 1U);
  EXPECT_EQ(tracer_cpus(d), own_);
  EXPECT_EQ(ask(io, "child get"), "1");
  io.close();
  EXPECT_TRUE(eventually([&] { return gone(tids[0]); }));
}

TEST_F(OneCpu, so_does_the_destructor) {
  HostChild child({tracee("affinity")});
  ASSERT_EQ(child.read_line(), "ready");
  {
    Debugger d(one_cpu({}));
    d.attach(child.pid());
    EXPECT_TRUE(one_bit(cpus_of(child.pid())));
    d.cont();
    EXPECT_EQ(ask(child, "self get"), hex(own_));
  }
  EXPECT_EQ(cpus_of(child.pid()), own_);
}

TEST_F(OneCpu, of_an_attached_process_all_threads) {
  HostChild child({tracee("affinity")});
  ASSERT_EQ(child.read_line(), "ready");
  EXPECT_EQ(ask(child, "thread set 2"), "0");
  Debugger d(one_cpu({}));
  d.attach(child.pid(), {.tree = true});
  const std::uint64_t cpu = tracer_cpus(d);
  EXPECT_TRUE(one_bit(cpu));
  std::vector<pid_t> tids;
  for (const Process& process : d.processes()) {
    for (const Thread& thread : process.threads()) tids.push_back(thread.tid());
  }
  ASSERT_EQ(tids.size(), 3U);
  for (const pid_t tid : tids) EXPECT_EQ(cpus_of(tid), cpu);
  for (const Process& process : d.processes()) process.cont();
  EXPECT_EQ(ask(child, "thread get"), "2");
  EXPECT_EQ(ask(child, "child get"), hex(own_));
  EXPECT_EQ(ask(child, "self set 1"), "0");
  EXPECT_EQ(ask(child, "self fork"), "1");
  d.detach_tree();
  EXPECT_EQ(cpus_of(tids[0]), 1U);
  EXPECT_EQ(cpus_of(tids[1]), 2U);
  EXPECT_EQ(cpus_of(tids[2]), own_);
  EXPECT_EQ(tracer_cpus(d), own_);
  child.close_input();
  EXPECT_EQ(child.exit_status(), 0);
}

TEST_F(OneCpu, children_that_nobody_follows_are_not_bound) {
  for (const bool with_trap : {false, true}) {
    DebuggerOptions options = one_cpu(program("affinity"));
    options.follow_children = false;
    Debugger d(options);
    // Children that share the memory are helped past it, and run a while under us.
    if (with_trap) d.breakpoint("main", {.callback = [](Thread&, Breakpoint&) {}});
    const Stdio io = begin(d);
    EXPECT_EQ(ask(io, "child get"), hex(own_));
    EXPECT_EQ(ask(io, "self fork"), hex(own_));
    EXPECT_EQ(ask(io, "self spawn"), std::to_string(std::popcount(own_)));
    EXPECT_EQ(ask(io, "self set 2"), "0");
    EXPECT_EQ(ask(io, "self fork"), "2");
    EXPECT_EQ(ask(io, "self spawn"), "1");
    EXPECT_EQ(ask(io, "child get"), hex(own_));
    EXPECT_TRUE(one_bit(cpus_of(d.pid())));
    end(d, io);
  }
}

TEST_F(OneCpu, two_debuggers_take_two_cpus) {
  Debugger one(one_cpu(program("affinity")));
  Debugger other(one_cpu(program("affinity")));
  const Stdio io_of_one = begin(one);
  const Stdio io_of_other = begin(other);
  EXPECT_NE(tracer_cpus(one), tracer_cpus(other));
  end(one, io_of_one);
  end(other, io_of_other);
}

TEST_F(OneCpu, goes_where_the_process_may_run) {
  HostChild child({tracee("affinity")});
  ASSERT_EQ(child.read_line(), "ready");
  for (const std::uint64_t cpu : {1U, 2U}) {
    set_cpus(child.pid(), cpu);
    Debugger d(one_cpu({}));
    d.attach(child.pid());
    EXPECT_EQ(tracer_cpus(d), cpu);
    d.detach();
    EXPECT_EQ(cpus_of(child.pid()), cpu);
    EXPECT_EQ(tracer_cpus(d), own_);
  }
}

TEST_F(OneCpu, also_when_the_tracer_thread_was_bound_elsewhere) {
  HostChild child({tracee("affinity")});
  ASSERT_EQ(child.read_line(), "ready");
  set_cpus(child.pid(), 1);
  Debugger d(one_cpu({}));
  d.on_tracer([] { set_cpus(0, 2); });
  d.attach(child.pid());
  EXPECT_EQ(tracer_cpus(d), 1U);
  d.detach();
  EXPECT_EQ(tracer_cpus(d), 2U);
}

TEST_F(OneCpu, run_again_begins_anew) {
  Debugger d(one_cpu(program("affinity")));
  for (int i = 0; i < 3; ++i) {
    const Stdio io = begin(d);
    EXPECT_EQ(ask(io, "self get"), hex(own_));
    EXPECT_EQ(ask(io, "self set 1"), "0");
    // Without an end, and from the tracer thread, whose own affinity a child inherits.
    if (i == 1) {
      d.on_tracer([&] { d.run(no_stdio()); });
      std::array<std::uint64_t, 1> cpus{};
      EXPECT_GT(d.invoke_syscall("sched_getaffinity", 0, sizeof cpus, cpus), 0);
      EXPECT_EQ(cpus[0], own_);
    }
  }
  d.kill_tree();
  EXPECT_EQ(tracer_cpus(d), own_);
}

TEST_F(OneCpu, calls_that_nobody_handles_cost_nothing_with_a_filter) {
  constexpr std::size_t calls = 2000;
  DebuggerOptions options =
      one_cpu(program("calls", {std::to_string(calls), std::to_string(number_in_tracees("getppid"))}));
  options.syscall_filter = true;
  std::size_t stops = 0;
  set_log_sink([&](LogCategory category, std::string_view) { stops += category == LogCategory::event ? 1U : 0U; });
  {
    Debugger d(options);
    EXPECT_EQ(run_to_exit(d), 0);
  }
  set_log_sink({});
  EXPECT_LT(stops, calls / 4);
}

TEST_F(OneCpu, the_affinity_comes_back_when_the_host_is_killed) {
  for (int i = 0; i < 20; ++i) {
    HostChild child({tracee("affinity")});
    ASSERT_EQ(child.read_line(), "ready");
    EXPECT_EQ(ask(child, "thread set 2"), "0");
    HostChild host({tracee("host_killed"), "bound", std::to_string(child.pid())});
    ASSERT_EQ(host.read_line(), std::to_string(child.pid()));
    ASSERT_TRUE(eventually([&] { return one_bit(cpus_of(child.pid())); }));
    if (i % 2 == 0) {
      EXPECT_EQ(ask(child, "self get"), hex(own_));
    }
    host.signal(SIGKILL);
    host.reap();
    ASSERT_TRUE(eventually([&] { return cpus_of(child.pid()) == own_; })) << i;
    EXPECT_EQ(ask(child, "thread get"), "2");
    EXPECT_EQ(ask(child, "self get"), hex(own_));
    child.close_input();
    EXPECT_EQ(child.exit_status(), 0);
  }
}

/// Lets one call fail with EPERM on this thread and what it starts, as a sandbox does.
void forbid(std::uint32_t number) {
  sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{std::size(code), code};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

TEST_F(OneCpu, a_refusal_is_an_error_and_leaves_nothing_behind) {
  HostChild child({tracee("affinity")});
  ASSERT_EQ(child.read_line(), "ready");
  forbid(SYS_sched_setaffinity);
  {
    Debugger d(one_cpu(program("affinity")));
    // On the tracer thread there is no affinity to be set before the program begins.
    const auto run = [&] { d.on_tracer([&] { d.run(no_stdio()); }); };
    const std::string text = message_of<OsError>(run);
    EXPECT_NE(text.find("one_cpu"), std::string::npos) << text;
    EXPECT_TRUE(d.processes().empty());
    EXPECT_EQ(tracer_cpus(d), own_);
    // It is usable afterwards.
    EXPECT_NE(message_of<OsError>(run).find("one_cpu"), std::string::npos);
  }
  Debugger d(one_cpu({}));
  EXPECT_NE(message_of<OsError>([&] { d.attach(child.pid()); }).find("one_cpu"), std::string::npos);
  EXPECT_EQ(tracer_of(child.pid()), 0);
  EXPECT_EQ(ask(child, "self get"), hex(own_));
}

TEST_F(OneCpu, ends_with_the_process_whoever_kills_it) {
  Debugger d(one_cpu(program("affinity")));
  const Stdio io = begin(d);
  const auto processes = d.processes();
  ASSERT_EQ(processes.size(), 2U);
  ::kill(d.pid(), SIGKILL);
  EXPECT_EQ(d.wait(patience).exit_signal, SIGKILL);
  ::kill(processes[1].pid(), SIGKILL);
  EXPECT_EQ(processes[1].wait(patience).kind, StopKind::exited);
  EXPECT_EQ(tracer_cpus(d), own_);
}

}  // namespace
}  // namespace trapline::live
