#include <atomic>
#include <fstream>
#include <sstream>
#include <string>

#include "support.hpp"

#include <sys/syscall.h>
#include <unistd.h>

namespace trapline::live {
namespace {

void nothing(Thread&, SyscallHandler&) {}

DebuggerOptions filtered(std::string_view name, std::vector<std::string> args = {}) {
  DebuggerOptions options = program(name, std::move(args));
  options.syscall_filter = true;
  return options;
}

/// `calls COUNT NUMBER` with this many getppid.
std::vector<std::string> getppids(int count) {
  return {std::to_string(count), std::to_string(number_in_tracees("getppid"))};
}

/// How often the threads of this process stop.
class Stops {
 public:
  Stops() {
    set_log_sink([this](LogCategory category, std::string_view) {
      if (category == LogCategory::event) ++count_;
    });
  }
  ~Stops() { set_log_sink({}); }
  Stops(const Stops&) = delete;
  Stops& operator=(const Stops&) = delete;

  [[nodiscard]] int count() const { return count_; }

 private:
  std::atomic<int> count_{0};
};

/// A field of /proc/PID/status.
std::string status_field(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  }
  return {};
}

int filters_of(pid_t pid) {
  const std::string count = status_field(pid, "Seccomp_filters");
  return count.empty() ? 0 : std::stoi(count);
}

/// Those that this test has itself.
int inherited() { return filters_of(::getpid()); }

/// Processes whose unhandled calls run freely, by a seccomp filter.
class Filter : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    if (status_field(::getpid(), "Seccomp_filters").empty()) GTEST_SKIP() << "the kernel does not count filters";
  }
};

TEST_F(Filter, unhandled_calls_do_not_stop) {
  Debugger d(filtered("calls", getppids(500)));
  const SyscallHandler handler = d.handle_syscall("getpid", {.on_enter = nothing});
  const Stops stops;
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_LT(stops.count(), 50);
}

TEST_F(Filter, an_enter_costs_one_stop_and_an_exit_another) {
  for (const bool exits : {false, true}) {
    Debugger d(filtered("calls", getppids(500)));
    SyscallOptions options{.on_enter = nothing};
    if (exits) options.on_exit = nothing;
    const SyscallHandler handler = d.handle_syscall("getppid", std::move(options));
    const Stops stops;
    EXPECT_EQ(run_to_exit(d), 0);
    EXPECT_EQ(handler.hit_count(), 500U);
    const int each = exits ? 2 : 1;
    EXPECT_GE(stops.count(), 500 * each);
    EXPECT_LT(stops.count(), 500 * each + 50);
  }
}

TEST_F(Filter, a_skipped_call_costs_one_stop) {
  Debugger d(filtered("calls", getppids(100)));
  const SyscallHandler handler =
      d.handle_syscall("getppid", {.on_enter = [](Thread& t, SyscallHandler&) { t.skip_syscall(42); }});
  const Stops stops;
  const Finished finished = run_for_output(d);
  std::string expected;
  for (int i = 0; i < 100; ++i) expected += "42\n";
  EXPECT_EQ(finished.output, expected);
  EXPECT_LT(stops.count(), 150);
}

TEST_F(Filter, is_extended_for_a_handler_that_comes_later) {
  Debugger d(filtered("calls", getppids(500)));
  const SyscallHandler other = d.handle_syscall("getpid", {.on_enter = nothing});
  d.run(no_stdio());
  EXPECT_EQ(filters_of(d.pid()), inherited() + 1);
  const SyscallHandler handler = d.handle_syscall("getppid", {.on_enter = nothing});
  const SyscallHandler at_end = d.handle_syscall("exit_group");
  const Stops stops;
  d.cont();
  EXPECT_EQ(d.wait(patience).kind, StopKind::syscall_enter);
  EXPECT_EQ(filters_of(d.pid()), inherited() + 2);
  EXPECT_EQ(handler.hit_count(), 500U);
  EXPECT_LT(stops.count(), 600);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Filter, is_extended_for_one_that_a_callback_places) {
  Debugger d(filtered("calls", getppids(500)));
  std::optional<SyscallHandler> writes;
  const SyscallHandler handler = d.handle_syscall("getppid", {.on_enter = [&](Thread&, SyscallHandler&) {
                                                    if (!writes) {
                                                      writes = d.handle_syscall("write", {.on_enter = nothing});
                                                    }
                                                  }});
  const SyscallHandler at_end = d.handle_syscall("exit_group");
  Stdio io = d.run(piped());
  const Stops stops;
  d.cont();
  EXPECT_EQ(d.wait(patience).kind, StopKind::syscall_enter);
  EXPECT_EQ(handler.hit_count(), 500U);
  EXPECT_EQ(writes->hit_count(), 500U);
  EXPECT_EQ(filters_of(d.pid()), inherited() + 2);
  EXPECT_LT(stops.count(), 1100);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Filter, all_threads_get_what_is_added) {
  Debugger d(filtered("crowd", {"20"}));
  const SyscallHandler other = d.handle_syscall(announcement);
  Stdio io = d.run(piped());
  static_cast<void>(next_stop(d));
  const SyscallHandler pauses = d.handle_syscall("pause", {.on_enter = nothing});
  static_cast<void>(next_stop(d));
  for (const Thread& thread : d.threads()) EXPECT_EQ(filters_of(thread.tid()), inherited() + 2);
  d.kill();
}

TEST_F(Filter, what_was_removed_goes_on_without_us) {
  Debugger d(filtered("calls", getppids(100)));
  const SyscallHandler removed = d.handle_syscall("getppid", {.on_enter = nothing});
  const SyscallHandler disabled = d.handle_syscall("write", {.on_enter = nothing, .on_exit = nothing});
  d.run(no_stdio());
  removed.remove();
  disabled.disable();
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(removed.hit_count() + disabled.hit_count(), 0U);
}

TEST_F(Filter, a_tracer_is_what_it_needs) {
  Debugger d(filtered("calls", getppids(1)));
  const SyscallHandler handler = d.handle_syscall("getppid", {.on_enter = nothing});
  d.run(no_stdio());
  for (const auto& leave : std::vector<std::function<void()>>{[&] { d.detach(); }, [&] { d.detach_tree(); },
                                                              [&] { d.set_kill_on_exit(false); }}) {
    EXPECT_NE(message_of<UsageError>(leave).find("seccomp filter"), std::string::npos);
  }
  EXPECT_TRUE(d.kill_on_exit());
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(handler.hit_count(), 1U);

  DebuggerOptions options = filtered("calls", getppids(1));
  options.kill_on_exit = false;
  Debugger survivor(std::move(options));
  EXPECT_NE(message_of<UsageError>([&] { survivor.run(no_stdio()); }).find("kill_on_exit"), std::string::npos);
}

TEST_F(Filter, a_process_without_one_yet_can_be_let_go) {
  Debugger d(filtered("sleeper"));
  d.run(no_stdio());
  const pid_t pid = d.pid();
  d.detach();
  EXPECT_EQ(filters_of(pid), inherited());
  ::kill(pid, SIGKILL);
}

TEST_F(Filter, children_that_nobody_follows_are_left_alone) {
  DebuggerOptions options = command({"/bin/sh", "-c", "(echo child; exit 3); echo $?"});
  options.syscall_filter = true;
  options.follow_children = false;
  Debugger d(std::move(options));
  const SyscallHandler handler = d.handle_syscall({"write", "exit_group"}, {.on_enter = nothing});
  EXPECT_EQ(run_for_output(d).output, "child\n3\n");
  EXPECT_EQ(handler.hit_count(), 2U);
}

TEST_F(Filter, children_inherit_it_and_not_the_handlers) {
  DebuggerOptions options = command({"/bin/sh", "-c", "(echo child; exit 3); echo $?"});
  options.syscall_filter = true;
  Debugger d(std::move(options));
  const SyscallHandler handler = d.handle_syscall({"write", "exit_group"}, {.on_enter = nothing});
  EXPECT_EQ(run_for_output(d).output, "child\n3\n");
  EXPECT_EQ(handler.hit_count(), 2U);
}

TEST_F(Filter, x32_is_refused) {
  const auto x32 = std::to_string(0x40000000L + SYS_getppid);
  Debugger d(filtered("calls", {"1", x32}));
  const SyscallHandler handler = d.handle_syscall("getppid", {.on_enter = nothing});
  EXPECT_EQ(run_for_output(d).output, std::to_string(-ENOSYS) + "\n");
  EXPECT_EQ(handler.hit_count(), 0U);
}

TEST_F(Filter, without_privileges_it_gains_none) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can take privileges away";
  DebuggerOptions options = command({"/bin/cat", "/proc/self/status"});
  options.syscall_filter = true;
  options.uid = 65534;
  options.gid = 65534;
  Debugger d(std::move(options));
  const SyscallHandler handler = d.handle_syscall("openat", {.on_enter = nothing});
  EXPECT_NE(run_for_output(d).output.find("NoNewPrivs:\t1\n"), std::string::npos);
  EXPECT_GT(handler.hit_count(), 0U);
}

/// With the filters of the program's own all means of seccomp(2) do what they do without us.
TEST_F(Filter, what_the_program_filters_keeps_its_meaning) {
  const std::string expected = std::to_string(-EXDEV) + "\n" + std::to_string(number_in_tracees("getuid")) + "\n" +
                               std::to_string(-ENOSYS) + "\n77\n";
  for (const char* const set : {"getpid", "getppid", "getuid", "getgid", "geteuid", "all"}) {
    Debugger d(filtered("own_filters"));
    const SyscallHandler handler = d.handle_syscall(set, {.on_enter = nothing, .on_exit = nothing});
    Stdio io = d.run(piped());
    d.cont();
    const Stop stop = d.wait(patience);
    EXPECT_EQ(stop.exit_signal, SIGSYS) << set;
    EXPECT_EQ(rest_of_output(io), expected) << set;
    EXPECT_EQ(handler.enter_count() != 0, std::string_view(set) != "getpid") << set;
  }
}

TEST_F(Filter, an_executed_program_has_it_too) {
  DebuggerOptions options = command({"/bin/sh", "-c", "exec /bin/echo hello"});
  options.syscall_filter = true;
  Debugger d(std::move(options));
  std::size_t writes = 0;
  std::int64_t execs = 0;
  d.handle_syscall("write", {.on_enter = [&](Thread&, SyscallHandler&) { ++writes; }});
  d.handle_syscall("execve", {.on_exit = [&](Thread& t, SyscallHandler&) { execs += 1 + t.syscall_return(); }});
  EXPECT_EQ(run_for_output(d).output, "hello\n");
  EXPECT_EQ(writes, 1U);
  EXPECT_EQ(execs, 1);
}

/// Nobody asks for its exit, so that only the signal's stop shows that the call will restart.
TEST_F(Filter, a_restarted_call_without_exit_handler_is_one_call) {
  for (const char* const handler : {"restart", "no_restart"}) {
    Debugger d(filtered("interrupted", {"read", handler}));
    std::size_t enters = 0;
    const SyscallHandler reads =
        d.handle_syscall("read", {.on_enter = [&](Thread&, SyscallHandler&) { ++enters; },
                                  .condition = [](Thread& t) { return t.syscall_arg(0) == 0; }});
    const Stdio io = d.run(piped());
    d.cont();
    ASSERT_TRUE(eventually([&] { return blocked_in(d.pid(), SYS_read); }));
    for (int i = 0; i < 5; ++i) {
      d.interrupt();
      ASSERT_EQ(d.wait(patience).kind, StopKind::interrupted) << i;
      d.cont();
    }
    ::kill(d.pid(), SIGUSR1);
    if (std::string_view(handler) == "restart") io.send("x");
    EXPECT_EQ(d.wait(patience).exit_code, 0) << handler;
    EXPECT_EQ(enters, 1U) << handler;
    EXPECT_EQ(reads.hit_count(), 1U) << handler;
  }
}

}  // namespace
}  // namespace trapline::live
