#include "support.hpp"

#include <csignal>
#include <regex>
#include <set>

#include <sys/syscall.h>
#include <unistd.h>

namespace trapline::live {
namespace {

using Attach = Live;

bool says(const std::string& message, const char* pattern) {
  return std::regex_search(message, std::regex(pattern, std::regex::icase));
}

/// A program that is blocked in a read of its input.
class Reading {
 public:
  Reading() : child_({tracee("echo")}) {
    EXPECT_EQ(child_.read_line(), "ready");
    EXPECT_TRUE(eventually([this] { return blocked_in(child_.pid(), SYS_read); }));
  }
  HostChild* operator->() { return &child_; }

 private:
  HostChild child_;
};

TEST_F(Attach, to_a_program_blocked_in_read) {
  Reading child;
  Debugger d(DebuggerOptions{});
  d.attach(child->pid());
  EXPECT_EQ(d.pid(), child->pid());
  EXPECT_FALSE(d.running());
  EXPECT_TRUE(traced_by_us(child->pid()));
  EXPECT_NE(d.main_thread().pc(), 0U);
  EXPECT_FALSE(d.maps().filter("echo").empty());
  d.detach();
  EXPECT_EQ(tracer_of(child->pid()), 0);
  child->send("a");
  EXPECT_EQ(child->read(1), "b");
  child->close_input();
  EXPECT_EQ(child->exit_status(), 0);
}

TEST_F(Attach, and_trace_it) {
  Reading child;
  Debugger d(DebuggerOptions{});
  d.attach(child->pid());
  Transcript transcript;
  const SyscallHandler reads = d.handle_syscall("read", transcript.options());
  const SyscallHandler writes = d.handle_syscall("write", transcript.options());
  d.cont();
  child->send("a");
  EXPECT_EQ(child->read(1), "b");
  child->close_input();
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  // The read in which it was found belongs to the time before us.
  EXPECT_EQ(transcript.text(), "enter write|exit write|enter read|exit read");
  EXPECT_EQ(reads.hit_count(), 1U);
  EXPECT_EQ(writes.hit_count(), 1U);
}

/// The program's mappings and their sizes, which ASLR moves about.
std::size_t mapped_bytes(pid_t pid) {
  std::size_t sum = 0;
  const std::string maps = read_file("/proc/" + std::to_string(pid) + "/maps");
  for (std::size_t at = 0; at < maps.size(); at = maps.find('\n', at) + 1) {
    const std::size_t end = maps.find('\n', at);
    const std::size_t dash = maps.find('-', at);
    if (maps.substr(at, end - at).find("[stack]") != std::string::npos) continue;
    sum += std::stoull(maps.substr(dash + 1), nullptr, 16) - std::stoull(maps.substr(at), nullptr, 16);
  }
  return sum;
}

TEST_F(Attach, detach_unmaps_what_we_mapped) {
  Reading child;
  const std::size_t before = mapped_bytes(child->pid());
  Debugger d(DebuggerOptions{});
  d.attach(child->pid());
  EXPECT_EQ(d.invoke_syscall("access", "/", 0), 0);
  EXPECT_GT(mapped_bytes(child->pid()), before);
  d.detach();
  EXPECT_EQ(mapped_bytes(child->pid()), before);
  child->send("a");
  EXPECT_EQ(child->read(1), "b");
  child->close_input();
  EXPECT_EQ(child->exit_status(), 0);
}

TEST_F(Attach, detach_gives_signals_back) {
  HostChild child({tracee("signal_info")});
  ASSERT_TRUE(eventually([&] { return blocked_in(child.pid(), SYS_rt_sigsuspend); }));
  Debugger d(DebuggerOptions{});
  d.attach(child.pid());
  union sigval value {};
  value.sival_int = 4711;
  ASSERT_EQ(sigqueue(child.pid(), SIGUSR1, value), 0);
  // It arrives in the middle of the invocation, and is held back.
  EXPECT_EQ(d.invoke_syscall("getpid"), child.pid());
  d.detach();
  EXPECT_EQ(child.read_line(), std::to_string(SI_QUEUE));
  EXPECT_EQ(child.read_line(), "4711");
  EXPECT_EQ(child.read_line(), "1");
  EXPECT_EQ(child.exit_status(), 0);
}

TEST_F(Attach, a_nanosleep_goes_on) {
  HostChild child({tracee("sleeper")});
  ASSERT_EQ(child.read_line(), "ready");
  ASSERT_TRUE(eventually([&] { return blocked_in(child.pid(), SYS_nanosleep); }));
  Debugger d(DebuggerOptions{});
  for (int i = 0; i < 3; ++i) {
    d.attach(child.pid());
    d.detach();
  }
  EXPECT_EQ(child.exit_status(), 0) << "it was interrupted, or slept too short";
}

TEST_F(Attach, a_nanosleep_goes_on_under_us_too) {
  HostChild child({tracee("sleeper")});
  ASSERT_EQ(child.read_line(), "ready");
  ASSERT_TRUE(eventually([&] { return blocked_in(child.pid(), SYS_nanosleep); }));
  Debugger d(DebuggerOptions{});
  d.attach(child.pid());
  d.handle_syscall("all", {.on_enter = [](Thread&, SyscallHandler&) {}});
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Attach, to_a_running_program) {
  HostChild child({tracee("spin")});
  Debugger d(DebuggerOptions{});
  ASSERT_TRUE(eventually([&] { return read_file("/proc/" + std::to_string(child.pid()) + "/comm") == "spin\n"; }));
  d.attach(child.pid());
  const Address turns = d.symbols().resolve("turns");
  const auto frozen = d.memory().read_value<std::uint64_t>(turns);
  EXPECT_EQ(d.memory().read_value<std::uint64_t>(turns), frozen);
  d.detach();
  d.attach(child.pid());
  EXPECT_GE(d.memory().read_value<std::uint64_t>(turns), frozen);
  d.cont();
  EXPECT_TRUE(eventually([&] { return d.memory().read_value<std::uint64_t>(turns) > frozen; }));
  EXPECT_TRUE(d.running());
  d.interrupt();
  EXPECT_EQ(d.wait(patience).kind, StopKind::interrupted);
}

TEST_F(Attach, all_threads_are_seized_and_let_go) {
  HostChild child({tracee("crowd"), "20"});
  ASSERT_EQ(child.read_line(), "ready");
  Debugger d(DebuggerOptions{});
  d.attach(child.pid());
  const std::vector<Thread> threads = d.threads();
  ASSERT_EQ(threads.size(), 21U);
  EXPECT_EQ(threads.front(), d.main_thread());
  for (const Thread& thread : threads) {
    EXPECT_TRUE(traced_by_us(thread.tid()));
    EXPECT_EQ(state_of(thread.tid()), 't');
    EXPECT_EQ(thread.pid(), child.pid());
  }
  d.detach();
  for (const Thread& thread : threads) {
    EXPECT_EQ(tracer_of(thread.tid()), 0);
    EXPECT_NE(state_of(thread.tid()), 't');
  }
  child.close_input();
  EXPECT_EQ(child.exit_status(), 0);
}

TEST_F(Attach, while_threads_come_and_go) {
  HostChild child({tracee("short_threads"), "100000000"});
  Debugger d(DebuggerOptions{});
  ASSERT_TRUE(
      eventually([&] { return read_file("/proc/" + std::to_string(child.pid()) + "/comm") == "short_threads\n"; }));
  for (int i = 0; i < 50; ++i) {
    d.attach(child.pid());
    for (const Thread& thread : d.threads()) EXPECT_TRUE(traced_by_us(thread.tid()));
    d.detach();
    EXPECT_FALSE(gone(child.pid()));
  }
}

TEST_F(Attach, a_stopped_program_stays_stopped) {
  Reading child;
  child->signal(SIGSTOP);
  ASSERT_TRUE(eventually([&] { return state_of(child->pid()) == 'T'; }));
  Debugger d(DebuggerOptions{});
  d.attach(child->pid());
  d.detach();
  EXPECT_TRUE(eventually([&] { return state_of(child->pid()) == 'T'; })) << state_of(child->pid());
  child->signal(SIGCONT);
  child->send("a");
  EXPECT_EQ(child->read(1), "b");
}

TEST_F(Attach, detach_from_a_running_program) {
  Reading child;
  DebuggerOptions options;
  options.auto_interrupt = true;
  Debugger d(options);
  d.attach(child->pid());
  d.cont();
  d.detach();
  EXPECT_EQ(tracer_of(child->pid()), 0);
  child->send("a");
  EXPECT_EQ(child->read(1), "b");
}

TEST_F(Attach, handlers_are_gone_after_detach) {
  Reading child;
  Debugger d(DebuggerOptions{});
  d.attach(child->pid());
  const SyscallHandler handler =
      d.handle_syscall("write", {.on_enter = [](Thread& thread, SyscallHandler&) { thread.fail_syscall(ENOSPC); }});
  d.detach();
  child->send("a");
  EXPECT_EQ(child->read(1), "b");
  EXPECT_EQ(handler.hit_count(), 0U);
}

TEST_F(Attach, to_a_missing_process) {
  Debugger d(DebuggerOptions{});
  HostChild child({tracee("exit_with")});
  const pid_t pid = child.pid();
  child.reap();
  const std::string message = message_of<Error>([&] { d.attach(pid); });
  EXPECT_TRUE(says(message, "no (such )?process")) << message;
  EXPECT_TRUE(says(message, std::to_string(pid).c_str())) << message;
  EXPECT_THROW(d.attach(0), Error);
  EXPECT_THROW(d.attach(-1), Error);
}

TEST_F(Attach, to_ourselves) {
  Debugger d(DebuggerOptions{});
  const std::string message = message_of<Error>([&] { d.attach(::getpid()); });
  EXPECT_TRUE(says(message, "itself|ourselves|own|this process|self")) << message;
}

TEST_F(Attach, to_a_zombie) {
  HostChild child({tracee("exit_with"), "3"});
  ASSERT_TRUE(eventually([&] { return state_of(child.pid()) == 'Z'; }));
  Debugger d(DebuggerOptions{});
  const std::string message = message_of<Error>([&] { d.attach(child.pid()); });
  EXPECT_TRUE(says(message, "zombie|dead|exited|defunct")) << message;
  EXPECT_EQ(child.exit_status(), 3);
}

TEST_F(Attach, to_one_that_is_traced_already) {
  Reading child;
  Debugger first(DebuggerOptions{});
  first.attach(child->pid());
  Debugger second(DebuggerOptions{});
  const std::string message = message_of<OsError>([&] { second.attach(child->pid()); });
  EXPECT_TRUE(says(message, "traced")) << message;
  const bool named = says(message, std::to_string(::getpid()).c_str()) ||
                     says(message, std::to_string(tracer_of(child->pid())).c_str());
  EXPECT_TRUE(named) << "the tracer is not named: " << message;
  first.detach();
  second.attach(child->pid());
  second.detach();
  child->send("a");
  EXPECT_EQ(child->read(1), "b");
}

TEST_F(Attach, to_a_whole_tree) {
  HostChild child({tracee("family"), "-relay"});
  ASSERT_EQ(child.read_line(), "0");
  DebuggerOptions options;
  options.inherit_traps = true;
  Debugger d(options);
  std::set<pid_t> writers;
  d.handle_syscall("write", {.on_enter = [&](Thread& t, SyscallHandler&) { writers.insert(t.pid()); }});
  d.attach(child.pid(), {.tree = true});
  ASSERT_EQ(d.processes().size(), 3U);
  ASSERT_EQ(d.children().size(), 1U);
  const Process middle = d.children().front();
  ASSERT_EQ(middle.children().size(), 1U);
  const Process last = middle.children().front();
  EXPECT_EQ(last.parent()->pid(), middle.pid());
  for (const Process& process : d.processes()) {
    EXPECT_TRUE(traced_by_us(process.pid()));
    EXPECT_FALSE(process.running());
    EXPECT_EQ(process.invoke_syscall("getpid"), process.pid());
  }
  child.send("5");
  for (const Process& process : d.processes()) process.cont();
  EXPECT_EQ(child.read_line(), "5");
  d.detach_tree();
  EXPECT_EQ(writers, (std::set<pid_t>{child.pid(), middle.pid(), last.pid()}));
  EXPECT_EQ(tracer_of(last.pid()), 0);
  child.send("7");
  EXPECT_EQ(child.read_line(), "7");
  child.close_input();
  EXPECT_EQ(child.exit_status(), 0);
}

TEST_F(Attach, to_a_tree_of_which_one_is_refused_is_to_none) {
  HostChild child({tracee("family"), "-relay"});
  ASSERT_EQ(child.read_line(), "0");
  Debugger all(DebuggerOptions{});
  all.attach(child.pid(), {.tree = true});
  const pid_t last = all.children().front().children().front().pid();
  all.detach_tree();
  Debugger one(DebuggerOptions{});
  one.attach(last);
  const std::string message = message_of<OsError>([&] { all.attach(child.pid(), {.tree = true}); });
  EXPECT_TRUE(says(message, std::to_string(last).c_str())) << message;
  EXPECT_EQ(tracer_of(child.pid()), 0);
  EXPECT_TRUE(all.children().empty());
  one.detach();
  child.send("7");
  EXPECT_EQ(child.read_line(), "7");
  all.attach(child.pid(), {.tree = true});
  EXPECT_EQ(all.processes().size(), 3U);
}

TEST_F(Attach, to_a_tree_that_changes_meanwhile) {
  HostChild child({"/bin/bash", "-c", "for ((;;)) do (:; :) & (:) | (:); wait; done"});
  for (int i = 0; i < 30; ++i) {
    Debugger d(DebuggerOptions{});
    d.attach(child.pid(), {.tree = true});
    for (const Process& process : d.processes()) EXPECT_FALSE(process.running()) << i;
    if (i % 2 == 0) {
      for (const Process& process : d.processes()) process.cont();
    }
    d.detach_tree();
    ASSERT_FALSE(gone(child.pid())) << i;
  }
  child.signal(SIGKILL);
  child.reap();
}

TEST_F(Attach, while_an_attached_or_launched_process_lives) {
  Reading child;
  Reading other;
  Debugger d(program("block"));
  d.attach(child->pid());
  EXPECT_THROW(d.attach(other->pid()), UsageError);
  EXPECT_THROW(d.attach(child->pid()), UsageError);
  d.detach();
  d.run(no_stdio());
  EXPECT_THROW(d.attach(other->pid()), UsageError);
  EXPECT_FALSE(d.dead());
}

TEST_F(Attach, refusals_leave_nothing) {
  const Holdings before = Holdings::now();
  for (int i = 0; i < 10; ++i) {
    Debugger d(DebuggerOptions{});
    EXPECT_THROW(d.attach(::getpid()), Error);
  }
  EXPECT_TRUE(nothing_left_since(before)) << before << " before, now " << Holdings::now();
}

}  // namespace
}  // namespace trapline::live
