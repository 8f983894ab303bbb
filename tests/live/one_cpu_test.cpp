// What a program on the tracer's CPU sees.
#include <sys/syscall.h>

#include <array>
#include <atomic>
#include <string>
#include <vector>

#include <sched.h>

#include "one_cpu.hpp"

namespace trapline::live {
namespace {

/// What a program may ask and say about its CPUs.
const std::vector<std::string> conversation{
    "self get",     "me get",          "thread get",   "child get",    "self here",      "self fork",
    "self lib",     "self spawn",      "self size 0",  "self size 1",  "self size 4",    "self size 7",
    "self size 8",  "self size a",     "self size 10", "self size 80", "self size 88",   "self bad",
    "self set 2",   "self get",        "me get",       "thread get",   "child get",      "self here",
    "self fork",    "self lib",        "self spawn",   "self set 0",   "self set 10000", "self get",
    "thread set 1", "thread get",      "self get",     "child set 2",  "child get",      "child set 10000",
    "child get",    "me set ffffffff", "self get",     "self here",    "999999999 get",  "999999999 set 1",
    "thread set 2", "thread get",      "self set 1",   "self here",    "self fork",      "self exec",
    "self get",     "thread get",      "self fork",    "self set 3",   "self get",       "self spawn",
    "self set 2",   "self leave",      "self get",     "self fork",    "thread get"};

template <class Program>
std::vector<std::string> answers(const Program& program) {
  std::vector<std::string> result;
  for (const std::string& line : conversation) result.push_back(line + ": " + ask(program, line));
  return result;
}

enum class How { bare, handled, filtered, filtered_and_handled, not_at_the_entry };

class OneCpuOf : public OneCpu, public testing::WithParamInterface<How> {
 protected:
  static DebuggerOptions options(DebuggerOptions options) {
    options = one_cpu(std::move(options));
    options.syscall_filter = GetParam() == How::filtered || GetParam() == How::filtered_and_handled;
    options.continue_to_entry = GetParam() != How::not_at_the_entry;
    return options;
  }
  static void handle(const Debugger& d) {
    if (GetParam() != How::handled && GetParam() != How::filtered_and_handled) return;
    static_cast<void>(
        d.handle_syscall({"sched_getaffinity", "read", "clone"},
                         {.on_enter = [](Thread&, SyscallHandler&) {}, .on_exit = [](Thread&, SyscallHandler&) {}}));
  }
};

TEST_P(OneCpuOf, answers_are_those_that_the_kernel_gives_without_us) {
  std::vector<std::string> expected;
  {
    const HostChild alone({tracee("affinity")});
    ASSERT_EQ(alone.read_line(), "ready");
    expected = answers(alone);
  }
  Debugger d(options(program("affinity")));
  handle(d);
  const Stdio io = begin(d);
  EXPECT_EQ(answers(io), expected);
  end(d, io);
}

TEST_P(OneCpuOf, everybody_is_on_the_tracers_cpu) {
  Debugger d(options(program("affinity")));
  handle(d);
  const Stdio io = begin(d);
  const auto all_bound = [&] {
    const std::uint64_t cpu = tracer_cpus(d);
    EXPECT_TRUE(one_bit(cpu)) << cpu;
    for (const Process& process : d.processes()) {
      for (const Thread& thread : process.threads()) EXPECT_EQ(cpus_of(thread.tid()), cpu);
    }
  };
  EXPECT_EQ(d.processes().size(), 2U);
  all_bound();
  for (const char* line : {"self set 1", "self set 2", "thread set 1", "child set 2", "self here"}) ask(io, line);
  all_bound();
  EXPECT_EQ(cpus_of(0), own_) << "the thread of the host that asked";
  end(d, io);
  EXPECT_EQ(tracer_cpus(d), own_);
}

TEST_P(OneCpuOf, real_programs_count_their_cpus) {
  const std::string count = std::to_string(std::popcount(own_)) + "\n";
  for (const auto& [argv, output] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"nproc"}, count},
           {{"sh", "-c", "nproc; (nproc); exec nproc"}, count + count + count},
           {{"taskset", "-c", "1", "sh", "-c", "nproc; taskset -c 0 taskset -cp $$ | cut -d: -f2"}, "1\n 1\n"}}) {
    if (which(argv.front()).empty()) continue;
    Debugger d(options(command(argv)));
    handle(d);
    const Finished finished = run_for_output(d);
    EXPECT_EQ(finished.output, output) << argv.front();
    EXPECT_EQ(finished.status, 0);
  }
}

std::string name_of(const testing::TestParamInfo<How>& info) {
  switch (info.param) {
    case How::bare: return "bare";
    case How::handled: return "handled";
    case How::filtered: return "filtered";
    case How::filtered_and_handled: return "filtered_and_handled";
    case How::not_at_the_entry: return "not_at_the_entry";
  }
  return {};
}

INSTANTIATE_TEST_SUITE_P(With, OneCpuOf,
                         testing::Values(How::bare, How::handled, How::filtered, How::filtered_and_handled,
                                         How::not_at_the_entry),
                         name_of);

TEST_F(OneCpu, what_runs_before_the_entry_point_sees_its_own_cpus) {
  const ScratchDir folder;
  DebuggerOptions options = one_cpu(program("exit_with", {"5"}));
  options.env = Environment{{"LD_PRELOAD", preloadable(folder, "forks_before_entry.so")}};
  Debugger d(options);
  const Stdio io = d.run(piped());
  EXPECT_EQ(d.memory().read_value<int>(d.symbols().resolve("cpus_before_entry")), std::popcount(own_));
  ASSERT_EQ(d.threads().size(), 2U);
  for (const Thread& thread : d.threads()) EXPECT_EQ(cpus_of(thread.tid()), tracer_cpus(d));
  d.cont();
  io.send("x");
  EXPECT_EQ(d.wait(patience).exit_code, 5);
}

TEST_F(OneCpu, a_process_that_comes_and_goes_never_sees_it) {
  HostChild child({tracee("affinity")});
  ASSERT_EQ(child.read_line(), "ready");
  EXPECT_EQ(ask(child, "self watch"), "0");
  for (int i = 0; i < 100; ++i) {
    Debugger d(one_cpu({}));
    d.attach(child.pid());
    if (i % 3 != 0) d.cont();
    if (i % 3 == 2) {
      EXPECT_EQ(ask(child, "self fork"), hex(own_));
      d.interrupt();
    }
    d.detach();
  }
  const std::string seen = ask(child, "self seen");
  EXPECT_TRUE(seen.ends_with(" 0")) << seen;
  EXPECT_FALSE(seen.starts_with("0 ")) << seen;
  child.close_input();
}

TEST_F(OneCpu, a_program_whose_debugger_stops_it_all_the_time_never_sees_it) {
  for (const bool filter : {false, true}) {
    DebuggerOptions options = one_cpu(program("affinity"));
    options.syscall_filter = filter;
    Debugger d(options);
    const Stdio io = begin(d);
    EXPECT_EQ(ask(io, "self watch"), "0");
    ASSERT_TRUE(eventually([&] { return !ask(io, "self seen").starts_with("0 "); }));
    for (int i = 0; i < 100; ++i) {
      d.interrupt();
      EXPECT_EQ(d.wait(patience).kind, StopKind::interrupted);
      if (i % 10 == 0) {
        EXPECT_GT(d.invoke_syscall("getppid"), 0);
      }
      d.cont();
    }
    const std::string seen = ask(io, "self seen");
    EXPECT_TRUE(seen.ends_with(" 0")) << seen;
    d.kill_tree();
  }
}

TEST_F(OneCpu, handlers_see_what_the_program_sees) {
  Debugger d(one_cpu(program("affinity")));
  const Stdio io = begin(d);
  d.interrupt();
  EXPECT_EQ(d.wait(patience).kind, StopKind::interrupted);
  std::atomic<std::uint64_t> seen = 0;
  const SyscallHandler get = d.handle_syscall("sched_getaffinity", {.on_exit = [&](Thread& t, SyscallHandler&) {
                                                seen = t.memory().read_value<std::uint32_t>(t.syscall_arg(2));
                                                if (seen == 2)
                                                  t.memory().write_value<std::uint32_t>(t.syscall_arg(2), 0x55);
                                              }});
  d.cont();
  EXPECT_EQ(ask(io, "self get"), hex(own_));
  EXPECT_EQ(seen, own_);
  EXPECT_EQ(ask(io, "self set 2"), "0");
  EXPECT_EQ(ask(io, "self get"), "55") << "what a handler writes comes last";
  EXPECT_EQ(seen, 2U);
  EXPECT_GE(get.hit_count(), 2U);
  end(d, io);
}

TEST_F(OneCpu, handlers_change_the_calls_as_ever) {
  Debugger d(one_cpu(program("affinity")));
  const Stdio io = begin(d);
  const auto handle = [&](const char* name, SyscallCallback callback) {
    d.interrupt();
    EXPECT_EQ(d.wait(patience).kind, StopKind::interrupted);
    const SyscallHandler handler = d.handle_syscall(name, {.on_enter = std::move(callback)});
    d.cont();
    return handler;
  };
  SyscallHandler handler = handle("sched_setaffinity", [](Thread& t, SyscallHandler&) { t.fail_syscall(EPERM); });
  EXPECT_EQ(ask(io, "self set 2"), "-1");
  EXPECT_EQ(ask(io, "self get"), hex(own_)) << "it was not run";
  handler.set_on_enter([](Thread& t, SyscallHandler&) { t.memory().write_value<std::uint32_t>(t.syscall_arg(2), 1); });
  EXPECT_EQ(ask(io, "self set 2"), "0");
  EXPECT_EQ(ask(io, "self get"), "1") << "what was in force";
  handler.remove();
  handler = handle("sched_getaffinity", [](Thread& t, SyscallHandler&) { t.set_syscall_arg(0, 999999999); });
  EXPECT_EQ(ask(io, "self get"), hex(static_cast<std::uint64_t>(-ESRCH) &
                                     (number_in_tracees("mmap") == SYS_mmap ? ~std::uint64_t{0} : 0xffffffff)));
  end(d, io);
}

TEST_F(OneCpu, invocations_see_what_the_program_sees) {
  for (const bool handled : {false, true}) {
    Debugger d(one_cpu(program("affinity")));
    if (handled) d.handle_syscall("all", {.on_exit = [](Thread&, SyscallHandler&) {}});
    const Stdio io = begin(d);
    d.interrupt();
    EXPECT_EQ(d.wait(patience).kind, StopKind::interrupted);
    const auto get = [&] {
      std::array<std::uint64_t, 1> cpus{};
      EXPECT_GT(d.invoke_syscall("sched_getaffinity", 0, sizeof cpus, cpus), 0);
      return cpus[0];
    };
    EXPECT_EQ(get(), own_);
    const std::array<std::uint64_t, 1> second{2};
    EXPECT_EQ(d.invoke_syscall("sched_setaffinity", 0, sizeof second, second), 0);
    EXPECT_EQ(get(), 2U);
    EXPECT_EQ(cpus_of(d.pid()), tracer_cpus(d));
    d.cont();
    EXPECT_EQ(ask(io, "self get"), "2");
    end(d, io);
  }
}

TEST_F(OneCpu, processes_that_are_not_ours_are_left_alone) {
  const HostChild stranger({tracee("affinity")});
  ASSERT_EQ(stranger.read_line(), "ready");
  Debugger d(one_cpu(program("affinity")));
  const Stdio io = begin(d);
  const std::string id = std::to_string(stranger.pid());
  EXPECT_EQ(ask(io, id + " get"), hex(own_));
  EXPECT_EQ(ask(io, id + " set 2"), "0");
  EXPECT_EQ(ask(io, id + " get"), "2");
  EXPECT_EQ(cpus_of(stranger.pid()), 2U);
  end(d, io);
  EXPECT_EQ(cpus_of(stranger.pid()), 2U);
}

TEST_F(OneCpu, what_somebody_else_sets_is_so) {
  HostChild child({tracee("affinity")});
  ASSERT_EQ(child.read_line(), "ready");
  Debugger d(one_cpu({}));
  d.attach(child.pid());
  const std::uint64_t other = 3 & ~tracer_cpus(d);
  d.cont();
  set_cpus(child.pid(), other);
  EXPECT_EQ(ask(child, "self get"), hex(other));
  EXPECT_EQ(ask(child, "self here"), hex(other));
  EXPECT_EQ(cpus_of(child.pid()), other) << "who says so has a reason";
  d.detach();
  EXPECT_EQ(cpus_of(child.pid()), other);
}

}  // namespace
}  // namespace trapline::live
