// What a program does and sees under a filter of ours: as without it.
#include <atomic>
#include <string>

#include "filter_storm.hpp"

#include <sched.h>
#include <unistd.h>

namespace trapline::live {
namespace {

/// A filter of the program's own that is older than what is handled now.
TEST_F(FilterStorm, what_is_handled_later_does_not_overrule_the_program) {
  Debugger d(storm({"trace", "5"}));
  const SyscallHandler other = d.handle_syscall("getppid", {.on_enter = nothing});
  Stdio io = d.run(piped());
  static_cast<void>(to_announcement(d));
  const SyscallHandler handler = d.handle_syscall("getgid", {.on_enter = nothing});
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), std::to_string(-ENOSYS) + "\n");
  EXPECT_EQ(handler.hit_count(), 1U);
}

/// Whatever the program's own filters tell a tracer that it does not know of.
TEST_F(FilterStorm, a_tracer_that_is_called_for_is_not_there) {
  for (const long data : {0L, 1L, 0x7472L, 0xffffL}) {
    for (const char* const handled : {"getppid", "getgid"}) {
      Debugger d(storm({"trace", std::to_string(data)}));
      const SyscallHandler handler = d.handle_syscall(handled, {.on_enter = nothing});
      EXPECT_EQ(run_for_output(d).output, std::to_string(-ENOSYS) + "\n") << data << ' ' << handled;
    }
  }
}

/// SECCOMP_FILTER_FLAG_TSYNC: the other thread makes calls all the time and stops at nothing else.
TEST_F(FilterStorm, threads_that_are_given_a_filter_by_another_one) {
  Debugger d(storm({"sync"}));
  const SyscallHandler handler = d.handle_syscall("getppid", {.on_enter = nothing});
  const std::string output = run_for_output(d).output;
  EXPECT_EQ(output, std::to_string(handler.hit_count()) + "\n");
  EXPECT_GE(handler.hit_count(), 100U);
}

/// The same while nobody handles anything.
TEST_F(FilterStorm, a_handler_that_comes_after_that) {
  Debugger d(storm({"late"}));
  const SyscallHandler handler = d.handle_syscall("getppid", {.on_enter = nothing});
  Stdio io = d.run(piped());
  handler.disable();
  d.cont();
  EXPECT_EQ(read_line(io), "1");
  const std::size_t before = handler.hit_count();
  handler.enable();
  EXPECT_TRUE(eventually([&] { return handler.hit_count() > before + 100; }));
  io.send("x");
  EXPECT_EQ(d.wait(patience).exit_code, 0);
}

TEST_F(FilterStorm, children_that_are_not_to_be_traced_are_left_no_trap) {
  for (const char* const mode : {"untraced", "untraced3"}) {
    Debugger d(storm({mode}));
    const SyscallHandler handler = d.handle_syscall("getppid", {.on_enter = nothing});
    EXPECT_EQ(run_for_output(d).output, "0\n" + std::to_string(CLONE_UNTRACED) + "\n") << mode;
  }
}

TEST_F(FilterStorm, who_follows_no_children_any_more_is_told) {
  DebuggerOptions options = command({"/bin/sh", "-c", "(echo child; exit 3); echo $?"});
  options.syscall_filter = true;
  Debugger d(std::move(options));
  const SyscallHandler handler = d.handle_syscall("exit_group", {.on_enter = nothing});
  Stdio io = d.run(piped());
  EXPECT_NE(message_of<UsageError>([&] { d.set_follow_children(false); }).find("seccomp filter"), std::string::npos);
  EXPECT_TRUE(d.follow_children());
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "child\n3\n");
}

TEST_F(FilterStorm, no_filter_comes_where_children_are_not_followed_any_more) {
  DebuggerOptions options = command({"/bin/sh", "-c", "(echo child; exit 3); echo $?"});
  options.syscall_filter = true;
  Debugger d(std::move(options));
  Stdio io = d.run(piped());
  d.set_follow_children(false);
  const SyscallHandler handler = d.handle_syscall({"write", "exit_group"}, {.on_enter = nothing});
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "child\n3\n");
  EXPECT_EQ(handler.hit_count(), 2U);
}

/// Of a call that is let go nobody sees the end, which does not make it one without end.
TEST_F(FilterStorm, a_call_that_nobody_waits_for_is_not_abandoned) {
  Debugger d(storm({"crowd", "1", "10"}));
  std::size_t entered = 0;
  std::size_t abandoned = 0;
  const Observation watch = d.observe({.syscalls = "getppid",
                                       .on_syscall_enter = [&](Thread&, const SyscallRecord&) { ++entered; },
                                       .on_syscall_abandoned = [&](Thread&, const SyscallRecord&) { ++abandoned; }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(entered, 10U);
  EXPECT_EQ(abandoned, 0U);
}

#ifdef __x86_64__
TEST_F(FilterStorm, calls_that_the_kernel_pretends_to_make_are_none) {
  if (read_file("/proc/self/maps").find("[vsyscall]") == std::string::npos) GTEST_SKIP() << "no vsyscall page";
  for (const bool filter : {false, true}) {
    DebuggerOptions options = storm({"vsyscall", "20"});
    options.syscall_filter = filter;
    Debugger d(std::move(options));
    const SyscallHandler times = d.handle_syscall(
        "time", {.on_enter = [](Thread& t, SyscallHandler&) { t.set_syscall_number("getppid"); }, .on_exit = nothing});
    const Finished finished = run_for_output(d);
    EXPECT_EQ(finished.output, "20\n") << filter;
    EXPECT_EQ(times.enter_count(), 0U) << filter;
  }
}
#endif

TEST_F(FilterStorm, a_program_with_as_many_filters_as_there_may_be) {
  std::string alone;
  for (const bool filter : {false, true}) {
    DebuggerOptions options = storm({"many_filters"});
    options.syscall_filter = filter;
    Debugger d(std::move(options));
    const SyscallHandler calls = d.handle_syscall("getppid", {.on_enter = nothing});
    const Finished finished = run_for_output(d);
    if (!filter) alone = finished.output;
    EXPECT_EQ(finished.output, alone);
    EXPECT_EQ(calls.hit_count(), 1U);
  }
}

/// As the documentation says; what is harmless does not even stop.
TEST_F(FilterStorm, what_a_program_sees_of_it) {
  Debugger d(storm({"probe"}));
  const SyscallHandler calls = d.handle_syscall("getppid", {.on_enter = nothing});
  std::atomic<int> stops{0};
  set_log_sink([&](LogCategory, std::string_view) { ++stops; }, {LogCategory::event});
  const std::string output = run_for_output(d).output;
  set_log_sink({});
  const std::string none = std::to_string(-ENOSYS) + "\n";
  EXPECT_EQ(output, "0\n" + std::to_string(-EINVAL) + "\n" + none + none + none + none + none);
  EXPECT_LT(stops, 50);
  EXPECT_EQ(calls.hit_count(), 0U);
}

TEST_F(FilterStorm, children_without_handlers_get_none_of_the_filters_to_come) {
  Debugger d(storm({"births", "5"}));
  d.run(no_stdio());
  const SyscallHandler handler = d.handle_syscall("getppid", {.on_enter = nothing, .once = true});
  EXPECT_EQ(run_out(d).exit_code, 0);
}

/// Who leaves the session and has lost its parent still has one who answers the filter.
TEST_F(FilterStorm, children_that_run_away) {
  DebuggerOptions options =
      command({"/bin/sh", "-c", "(setsid sh -c 'read x; echo $x; (echo later) & exit 4' <&3 &) 3<&0; echo first"});
  options.syscall_filter = true;
  options.inherit_traps = true;
  Debugger d(std::move(options));
  const SyscallHandler writes = d.handle_syscall("write", {.on_enter = nothing});
  Stdio io = d.run(piped());
  d.cont();
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  EXPECT_EQ(read_line(io), "first");
  io.sendline("late");
  EXPECT_EQ(rest_of_output(io), "late\nlater\n");
  EXPECT_TRUE(eventually([&] { return d.processes().empty(); }));
  EXPECT_EQ(writes.hit_count(), 3U);
}

TEST_F(FilterStorm, programs_of_both_kinds_execute_each_other) {
  const std::string narrow = tracee("bits32");
  if (::access(narrow.c_str(), X_OK) != 0 || ::system((narrow + " >/dev/null 2>&1").c_str()) == 0x7e00) {
    GTEST_SKIP() << "no 32-bit programs here";
  }
  DebuggerOptions options =
      command({"/bin/sh", "-c", "for i in 1 2 3 4 5; do \"$0\"; /bin/true; done; exec \"$0\"", narrow});
  options.syscall_filter = true;
  options.inherit_traps = true;
  Debugger d(std::move(options));
  int number = 500;
  std::vector<SyscallHandler> placed;
  const Catchpoint execs = d.on_exec([&](Thread& t) {
    placed.push_back(t.process().handle_syscall(number++, {.on_enter = nothing}));
    if (number == 511) placed.push_back(t.process().handle_syscall("open", {.on_enter = nothing}));
  });
  const SyscallHandler writes = d.handle_syscall("write", {.on_enter = nothing});
  EXPECT_EQ(run_for_output(d).output, "32\n32\n32\n32\n32\n32\n");
  EXPECT_EQ(writes.hit_count(), 6U);
  EXPECT_EQ(execs.hit_count(), 11U);
  ASSERT_EQ(placed.size(), 12U);
  EXPECT_EQ(placed.back().hit_count(), 1U);
}

}  // namespace
}  // namespace trapline::live
