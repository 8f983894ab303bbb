// Handlers that come and go under a filter of ours, while threads and processes do too.
#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "filter_storm.hpp"

#include <sys/syscall.h>
#include <unistd.h>

namespace trapline::live {
namespace {

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

/// Does something at each stop of a program whose threads call at the same time, and counts the calls themselves.
void count_calls_and_at_each_stop(const std::function<void(Debugger&, int stop)>& act) {
  for (const bool exits : {false, true}) {
    for (const char* const mode : {"pair", "reversed"}) {
      Debugger d(storm({mode, mode == std::string_view("pair") ? "2000" : "200"}));
      SyscallOptions options{.on_enter = nothing};
      if (exits) options.on_exit = nothing;
      const SyscallHandler calls = d.handle_syscall("getppid", std::move(options));
      const SyscallHandler announced = d.handle_syscall(announcement);
      Stdio io = d.run(piped());
      for (int stop = 0; next_stop(d).kind != StopKind::exited; ++stop) act(d, stop);
      EXPECT_EQ(rest_of_output(io), std::to_string(calls.hit_count()) + "\n") << mode << exits;
      EXPECT_EQ(calls.enter_count(), calls.hit_count()) << mode << exits;
    }
  }
}

/// What another thread reported while the process was at rest is a stop of the filter, and is moved from there.
TEST_F(FilterStorm, calls_are_invoked_in_threads_with_calls_of_their_own) {
  count_calls_and_at_each_stop([](Debugger& d, int) {
    for (const Thread& thread : d.threads()) EXPECT_EQ(thread.invoke_syscall("getpid"), d.pid());
  });
}

/// The same by handlers that come while it is at rest: a thread puts the filter in.
TEST_F(FilterStorm, handlers_come_at_each_stop) {
  count_calls_and_at_each_stop([](Debugger& d, int stop) {
    if (stop < 12) d.handle_syscall(400 + 2 * stop, {.on_enter = nothing});
  });
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
