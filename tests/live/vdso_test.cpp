#include "support.hpp"

namespace trapline::live {
namespace {

/// DebuggerOptions::vdso.
using Vdso = Live;

SyscallSet clocks() { return {"clock_gettime", "clock_gettime64", "gettimeofday"}; }

DebuggerOptions without_vdso(DebuggerOptions options) {
  options.vdso = false;
  return options;
}

TEST_F(Vdso, with_it_the_time_is_no_syscall) {
  Debugger d(program("clock"));
  const SyscallHandler handler = d.handle_syscall(clocks(), {.on_enter = [](Thread&, SyscallHandler&) {}});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(handler.enter_count(), 0U);
}

TEST_F(Vdso, without_it_the_time_can_be_handled) {
  Debugger d(without_vdso(program("clock")));
  const SyscallHandler handler = d.handle_syscall(clocks(), {.on_enter = [](Thread&, SyscallHandler&) {}});
  for (int run = 0; run < 2; ++run) {
    EXPECT_EQ(run_to_exit(d), 0);
    EXPECT_EQ(handler.enter_count(), 2U) << "run " << run;
  }
}

TEST_F(Vdso, signals_calls_and_invocations_work_without_it) {
  Debugger d(without_vdso(program("functions")));
  d.run(no_stdio());
  to_announcement(d);
  EXPECT_EQ(d.invoke_syscall("getpid"), d.pid());
  EXPECT_EQ(d.call<int>("signal_itself"), 1);
  EXPECT_EQ(d.call<int>("run_command", "exit 3"), 3);
  EXPECT_FALSE(d.maps().filter("vdso").empty());
  EXPECT_FALSE(d.main_thread().backtrace().empty());
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Vdso, a_large_environment_is_in_the_way) {
  DebuggerOptions options = without_vdso(program("clock"));
  options.env.emplace();
  for (int i = 0; i < 500; ++i) options.env->emplace("NAME" + std::to_string(i), std::string(50, 'x'));
  Debugger d(std::move(options));
  const SyscallHandler handler = d.handle_syscall(clocks(), {.on_enter = [](Thread&, SyscallHandler&) {}});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(handler.enter_count(), 2U);
}

TEST_F(Vdso, programs_that_it_and_its_children_execute_have_none_either) {
  DebuggerOptions options = without_vdso(command({"sh", "-c", R"("$0"; exec "$0")", tracee("clock")}));
  options.inherit_traps = true;
  Debugger d(std::move(options));
  const SyscallHandler handler = d.handle_syscall(clocks(), {.on_enter = [](Thread&, SyscallHandler&) {}});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_GE(handler.enter_count(), 4U);
}

TEST_F(Vdso, static_programs) {
  Debugger d(without_vdso(program("points_static")));
  d.handle_syscall("all", {.on_enter = [](Thread&, SyscallHandler&) {}});
  EXPECT_EQ(run_to_exit(d), 0);
}

}  // namespace
}  // namespace trapline::live
