#include <array>
#include <atomic>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "support.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace trapline::live {
namespace {

void nothing(Thread&, SyscallHandler&) {}

DebuggerOptions storm(std::vector<std::string> args) {
  DebuggerOptions options = program("filter_storm", std::move(args));
  options.syscall_filter = true;
  return options;
}

int filters_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Seccomp_filters:\t")) return std::stoi(line.substr(17));
  }
  return 0;
}

/// Seccomp filters of ours under attack: everything has to be as without them.
class FilterStorm : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    if (read_file("/proc/self/status").find("Seccomp_filters:") == std::string::npos) {
      GTEST_SKIP() << "the kernel does not count filters";
    }
  }
};

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

/// Handlers that come in callbacks while many threads make calls.
TEST_F(FilterStorm, one_filter_comes_for_each_handler_although_many_threads_could_put_it_in) {
  Debugger d(storm({"crowd", "16", "300"}));
  std::optional<SyscallHandler> later;
  const SyscallHandler calls = d.handle_syscall("getppid", {.on_enter = [&](Thread&, SyscallHandler& self) {
                                                  if (!later && self.hit_count() > 100) {
                                                    later = d.handle_syscall("getsid", {.on_enter = nothing});
                                                  }
                                                }});
  const SyscallHandler at_end = d.handle_syscall(announcement);
  Stdio io = d.run(piped());
  EXPECT_EQ(next_stop(d).kind, StopKind::syscall_enter);
  EXPECT_EQ(calls.hit_count(), 16U * 300U);
  EXPECT_EQ(filters_of(d.pid()), filters_of(::getpid()) + 2);
  at_end.remove();
  EXPECT_EQ(run_out(d).exit_code, 0);
}

/// What another thread reported while the process was at rest is a stop of the filter, and is moved from there.
TEST_F(FilterStorm, calls_are_invoked_in_threads_with_calls_of_their_own) {
  for (const bool exits : {false, true}) {
    for (const char* const mode : {"pair", "reversed"}) {
      Debugger d(storm({mode, mode == std::string_view("pair") ? "2000" : "200"}));
      SyscallOptions options{.on_enter = nothing};
      if (exits) options.on_exit = nothing;
      const SyscallHandler calls = d.handle_syscall("getppid", std::move(options));
      const SyscallHandler announced = d.handle_syscall(announcement);
      Stdio io = d.run(piped());
      Stop stop = next_stop(d);
      for (; stop.kind != StopKind::exited; stop = next_stop(d)) {
        for (const Thread& thread : d.threads()) EXPECT_EQ(thread.invoke_syscall("getpid"), d.pid());
      }
      EXPECT_EQ(rest_of_output(io), std::to_string(calls.hit_count()) + "\n") << mode << exits;
      EXPECT_EQ(calls.enter_count(), calls.hit_count()) << mode << exits;
    }
  }
}

/// The same by handlers that come while it is at rest: a thread puts the filter in.
TEST_F(FilterStorm, handlers_come_at_each_stop) {
  for (const bool exits : {false, true}) {
    for (const char* const mode : {"pair", "reversed"}) {
      Debugger d(storm({mode, mode == std::string_view("pair") ? "2000" : "200"}));
      SyscallOptions options{.on_enter = nothing};
      if (exits) options.on_exit = nothing;
      const SyscallHandler calls = d.handle_syscall("getppid", std::move(options));
      const SyscallHandler announced = d.handle_syscall(announcement);
      std::vector<SyscallHandler> more;
      Stdio io = d.run(piped());
      for (int number = 400; next_stop(d).kind != StopKind::exited; number += 2) {
        if (number < 424) more.push_back(d.handle_syscall(number, {.on_enter = nothing}));
      }
      EXPECT_EQ(rest_of_output(io), std::to_string(calls.hit_count()) + "\n") << mode << exits;
      EXPECT_EQ(calls.enter_count(), calls.hit_count()) << mode << exits;
    }
  }
}

/// Each child has the filters that there were when the kernel made it, whatever came until we heard of it.
TEST_F(FilterStorm, handlers_come_while_children_are_born) {
  DebuggerOptions options = storm({"births", "60"});
  options.inherit_traps = true;
  Debugger d(std::move(options));
  struct Seen {
    std::size_t inherited = 0;
    std::size_t calls = 0;
  };
  std::map<pid_t, Seen> children;
  std::vector<SyscallHandler> placed;
  int number = 400;
  const SyscallHandler calls = d.handle_syscall(
      "getppid", {.on_enter = [&](Thread&, SyscallHandler& self) {
        if (self.hit_count() % 40 != 0 || number == 424) return;
        // Two at once: the one is in the filter already and tells which children have the other.
        placed.push_back(d.handle_syscall(
            "getsid", {.on_enter = [&](Thread& t, SyscallHandler&) { ++children[t.process().pid()].inherited; }}));
        placed.push_back(d.handle_syscall(
            number++, {.on_enter = [&](Thread& t, SyscallHandler&) { ++children[t.process().pid()].calls; }}));
      }});
  const SyscallHandler sids = d.handle_syscall("getsid", {.on_enter = nothing});
  Stdio io = d.run(piped());
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "60\n");
  EXPECT_EQ(number, 424);
  EXPECT_FALSE(children.empty());
  for (const auto& [pid, seen] : children) EXPECT_EQ(seen.calls, seen.inherited) << pid;
}

/// A thread that stands at the birth of a child when somebody else has stopped the process.
TEST_F(FilterStorm, handlers_come_while_births_are_kept) {
  Debugger d(storm({"births", "40"}));
  std::size_t born = 0;
  const Catchpoint births = d.on_fork([&](Thread&, Process&) { ++born; });
  const SyscallHandler calls = d.handle_syscall("getppid");
  Stdio io = d.run(piped());
  std::vector<SyscallHandler> more;
  int number = 400;
  for (Stop stop = next_stop(d); stop.kind != StopKind::exited; stop = next_stop(d)) {
    if (number < 424) more.push_back(d.handle_syscall(number++, {.on_enter = nothing}));
    if (number == 424 && calls.enabled()) calls.disable();
  }
  EXPECT_EQ(rest_of_output(io), "40\n");
  EXPECT_EQ(born, 40U);
}

TEST_F(FilterStorm, handlers_of_signals_are_no_calls_that_came_back) {
  for (const char* const mode : {"alarmed", "alarmed_filtered"}) {
    for (const bool exits : {false, true}) {
      Debugger d(storm({mode, "3000"}));
      SyscallOptions options{.on_enter = nothing};
      if (exits) options.on_exit = nothing;
      const SyscallHandler calls = d.handle_syscall("getppid", options);
      const SyscallHandler ticks = d.handle_syscall("getuid", options);
      const std::string output = run_for_output(d).output;
      EXPECT_EQ(output, std::to_string(ticks.hit_count()) + "\n") << mode << exits;
      EXPECT_EQ(calls.hit_count(), 3000U) << mode << exits;
    }
  }
}

TEST_F(FilterStorm, handlers_come_and_go_in_callbacks_of_many_threads) {
  Debugger d(storm({"crowd", "8", "1500"}));
  std::vector<SyscallHandler> others;
  std::size_t turn = 0;
  const SyscallHandler counted = d.handle_syscall("getppid", {.on_enter = nothing});
  const SyscallHandler complete = d.handle_syscall("getppid", {.on_enter = nothing, .on_exit = nothing});
  const SyscallHandler calls =
      d.handle_syscall("getppid", {.on_enter = [&](Thread&, SyscallHandler& self) {
                         if (++turn % 10 != 0) return;
                         switch (turn / 10 % 6) {
                           case 0: others.push_back(d.handle_syscall("getppid", {.on_exit = nothing})); break;
                           case 1: others.push_back(d.handle_syscall("all", {.on_enter = nothing})); break;
                           case 2:
                             others.push_back(d.handle_syscall("%file", {.on_enter = nothing, .on_exit = nothing}));
                             break;
                           case 3:
                             for (const SyscallHandler& other : others) other.disable();
                             break;
                           case 4:
                             for (const SyscallHandler& other : others) other.remove();
                             others.clear();
                             break;
                           case 5:
                             self.set_on_exit(turn % 20 == 0 ? SyscallCallback(nothing) : SyscallCallback());
                             break;
                         }
                       }});
  const Finished finished = run_for_output(d);
  EXPECT_EQ(finished.output, "12000\n");
  EXPECT_EQ(counted.hit_count(), 12000U);
  EXPECT_EQ(complete.hit_count(), 12000U);
  EXPECT_EQ(calls.enter_count(), 12000U);
}

TEST_F(FilterStorm, the_last_handler_goes_and_another_one_comes) {
  Debugger d(storm({"pair", "3000"}));
  std::optional<SyscallHandler> calls = d.handle_syscall("getppid", {.on_enter = nothing});
  Stdio io = d.run(piped());
  for (int i = 0; i < 20; ++i) {
    const SyscallHandler at = d.handle_syscall(announcement);
    if (next_stop(d).kind == StopKind::exited) break;
    at.remove();
    calls->remove();
    calls = d.handle_syscall("getppid", {.on_enter = nothing, .on_exit = nothing});
  }
  const SyscallHandler at = d.handle_syscall(announcement);
  if (!d.dead()) d.kill();
}

TEST_F(FilterStorm, each_of_hundreds_of_handlers_is_called) {
  Debugger d(program("calls", {"100", std::to_string(number_in_tracees("getppid"))}));
  std::vector<SyscallHandler> handlers;
  for (int i = 0; i < 150; ++i) handlers.push_back(d.handle_syscall("getppid", {.on_enter = nothing}));
  for (int number = 500; number < 4000; number += 7) {
    handlers.push_back(d.handle_syscall(number, {.on_enter = nothing}));
  }
  EXPECT_EQ(run_to_exit(d), 0);
  for (int i = 0; i < 150; ++i) EXPECT_EQ(handlers[static_cast<std::size_t>(i)].hit_count(), 100U);
}

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

TEST_F(FilterStorm, a_once_handler_is_there_again_at_the_next_run) {
  Debugger d(storm({"crowd", "2", "50"}));
  const SyscallHandler calls = d.handle_syscall("getppid", {.on_enter = nothing, .once = true});
  const SyscallHandler late = d.handle_syscall("getppid", {.on_enter = nothing, .once = true, .ignore_count = 60});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(run_to_exit(d), 0);
    EXPECT_EQ(calls.hit_count(), 1U) << i;
    EXPECT_EQ(late.hit_count(), 1U) << i;
  }
}

TEST_F(FilterStorm, children_without_handlers_get_none_of_the_filters_to_come) {
  Debugger d(storm({"births", "5"}));
  d.run(no_stdio());
  const SyscallHandler handler = d.handle_syscall("getppid", {.on_enter = nothing, .once = true});
  EXPECT_EQ(run_out(d).exit_code, 0);
}

/// The call is under way, and nobody has asked for its end so far.
TEST_F(FilterStorm, a_callback_that_comes_inside_a_call_sees_its_end) {
  DebuggerOptions options = program("interrupted", {"read", "none"});
  options.syscall_filter = true;
  Debugger d(std::move(options));
  std::atomic<std::int64_t> result{0};
  const SyscallHandler reads =
      d.handle_syscall("read", {.on_enter = nothing, .condition = [](Thread& t) { return t.syscall_arg(0) == 0; }});
  const Stdio io = d.run(piped());
  d.cont();
  ASSERT_TRUE(eventually([&] { return reads.hit_count() == 1 && blocked_in(d.pid(), SYS_read); }));
  reads.set_on_exit([&](Thread& t, SyscallHandler&) { result = t.syscall_return(); });
  io.send("x");
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  EXPECT_EQ(result, 1);
  EXPECT_EQ(reads.enter_count(), 1U);
}

/// Calls that block, in a process that is stopped again and again.
TEST_F(FilterStorm, calls_that_are_entered_while_the_process_is_interrupted) {
  Debugger d(storm({"converse", "2000"}));
  const SyscallHandler reads = d.handle_syscall("read", {.on_enter = nothing});
  Stdio io = d.run(piped());
  const std::size_t before = reads.hit_count();
  d.cont();
  for (bool lives = true; lives;) {
    try {
      d.interrupt();
    } catch (const ProcessGone&) {
      // Its Stop is still to be taken.
    }
    lives = d.wait(patience).kind == StopKind::interrupted;
    if (lives) d.cont();
  }
  EXPECT_EQ(rest_of_output(io), std::to_string(reads.hit_count() - before) + "\n");
}

/// Places one more handler after so many calls, each of another number that is in no filter yet.
class Additions {
 public:
  Additions(Debugger& d, std::size_t each) : debugger_(d), each_(each) {}

  SyscallCallback callback() {
    return [this](Thread&, SyscallHandler&) {
      if (++calls_ % each_ == 0 && placed_.size() < 20) {
        placed_.push_back(debugger_.handle_syscall(400 + static_cast<int>(placed_.size()), {.on_enter = nothing}));
      }
    };
  }
  [[nodiscard]] std::size_t size() const { return placed_.size(); }

 private:
  Debugger& debugger_;
  const std::size_t each_;
  std::size_t calls_ = 0;
  std::vector<SyscallHandler> placed_;
};

/// What the library says of filters that it could not put in.
class Refusals {
 public:
  Refusals() {
    set_log_sink(
        [this](LogCategory, std::string_view line) {
          if (line.find("cannot be extended") != std::string_view::npos) ++count_;
        },
        {LogCategory::process});
  }
  ~Refusals() { set_log_sink({}); }
  Refusals(const Refusals&) = delete;
  Refusals& operator=(const Refusals&) = delete;
  [[nodiscard]] int count() const { return count_; }

 private:
  std::atomic<int> count_{0};
};

/// The thread that puts one in may be ended by another one's exec at any moment of that.
TEST_F(FilterStorm, handlers_come_while_threads_exec) {
  DebuggerOptions options = program("tempest", {"execs", "40"});
  options.syscall_filter = true;
  Debugger d(std::move(options));
  const Refusals refusals;
  Additions additions(d, 20);
  const SyscallHandler calls = d.handle_syscall("getppid", {.on_enter = additions.callback()});
  const SyscallHandler execs = d.handle_syscall("execve", {.on_enter = nothing, .on_exit = nothing});
  const SyscallHandler at_end = d.handle_syscall("exit_group");
  Stdio io = d.run(piped());
  EXPECT_EQ(next_stop(d).kind, StopKind::syscall_enter);
  EXPECT_EQ(execs.hit_count(), 40U);
  EXPECT_GE(static_cast<std::size_t>(filters_of(d.pid()) - filters_of(::getpid())), 1U);
  EXPECT_LE(static_cast<std::size_t>(filters_of(d.pid()) - filters_of(::getpid())), 1 + additions.size());
  EXPECT_EQ(refusals.count(), 0);
  at_end.remove();
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), "0\n");
}

TEST_F(FilterStorm, handlers_come_while_processes_are_killed) {
  DebuggerOptions options = program("tempest", {"kills", "25"});
  options.syscall_filter = true;
  options.inherit_traps = true;
  Debugger d(std::move(options));
  const Catchpoint births =
      d.on_fork([](Thread&, Process& child) { static_cast<void>(child.handle_syscall(424, {.on_enter = nothing})); });
  Additions additions(d, 50);
  const SyscallHandler calls = d.handle_syscall("getppid", {.on_enter = additions.callback()});
  EXPECT_EQ(run_for_output(d).output, "25\n");
  EXPECT_TRUE(eventually([&] { return d.processes().empty(); }));
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

TEST_F(FilterStorm, two_debuggers_at_once) {
  std::vector<std::jthread> hosts;
  for (int i = 0; i < 2; ++i) {
    hosts.emplace_back([] {
      for (int round = 0; round < 5; ++round) {
        Debugger d(storm({"crowd", "4", "200"}));
        Additions additions(d, 100);
        const SyscallHandler calls = d.handle_syscall("getppid", {.on_enter = additions.callback()});
        EXPECT_EQ(run_to_exit(d), 0);
        EXPECT_EQ(calls.hit_count(), 800U);
      }
    });
  }
}

}  // namespace
}  // namespace trapline::live
