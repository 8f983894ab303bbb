#include "support.hpp"

#include <sstream>

#include <sys/syscall.h>
#include <unistd.h>

namespace trapline::live {
namespace {

/// A program in a pid namespace of its own: it knows itself by other numbers than we do.
class PidNamespace : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    if (IsSkipped()) return;
    if (which("unshare").empty()) GTEST_SKIP() << "unshare(1) is not installed";
    HostChild probe({which("unshare"), "--pid", "--fork", "--kill-child", which("true")});
    if (probe.exit_status() != 0) GTEST_SKIP() << "no pid namespace can be made here";
  }

  static std::vector<std::string> inside(std::vector<std::string> argv) {
    argv.insert(argv.begin(), {which("unshare"), "--pid", "--fork", "--kill-child"});
    return argv;
  }

  static pid_t child_of(pid_t parent) {
    const std::string task = std::to_string(parent);
    std::istringstream children(read_file("/proc/" + task + "/task/" + task + "/children"));
    pid_t child = 0;
    children >> child;
    return child;
  }
};

TEST_F(PidNamespace, attach_invoke_and_let_go) {
  HostChild outer(inside({tracee("echo")}));
  ASSERT_EQ(outer.read_line(), "ready");
  const pid_t pid = child_of(outer.pid());
  ASSERT_GT(pid, 1);
  Debugger d(DebuggerOptions{});
  d.attach(pid);
  EXPECT_EQ(d.pid(), pid);
  EXPECT_EQ(d.main_thread().tid(), pid);
  EXPECT_EQ(d.invoke_syscall("getpid"), 1);
  const SyscallHandler writes = d.handle_syscall("write", {.on_exit = [](Thread&, SyscallHandler&) {}});
  d.cont();
  outer.send("a");
  EXPECT_EQ(outer.read(1), "b");
  EXPECT_TRUE(eventually([&] { return writes.hit_count() == 1; }));
  d.interrupt();
  EXPECT_EQ(d.wait(patience).kind, StopKind::interrupted);
  d.detach();
  outer.send("c");
  EXPECT_EQ(outer.read(1), "d");
}

TEST_F(PidNamespace, affinities_of_threads_that_it_knows_by_other_numbers) {
  HostChild outer(inside({tracee("affinity")}));
  ASSERT_EQ(outer.read_line(), "ready");
  const auto ask = [&](const std::string& line) {
    outer.send(line + "\n");
    return outer.read_line();
  };
  const std::string all = ask("self get");
  if (all.back() != '3' && all.back() != '7' && all.back() != 'f') GTEST_SKIP() << "this needs the CPUs 0 and 1";
  Debugger d({.one_cpu = true});
  d.attach(child_of(outer.pid()), {.tree = true});
  for (const Process& process : d.processes()) process.cont();
  for (const char* line : {"self get", "me get", "thread get", "child get"}) EXPECT_EQ(ask(line), all) << line;
  EXPECT_EQ(ask("thread set 2"), "0");
  EXPECT_EQ(ask("child set 1"), "0");
  EXPECT_EQ(ask("thread get"), "2");
  EXPECT_EQ(ask("child get"), "1");
  EXPECT_EQ(ask("me get"), all);
  d.detach_tree();
  EXPECT_EQ(ask("thread get"), "2");
  EXPECT_EQ(ask("child get"), "1");
}

TEST_F(PidNamespace, threads_are_known_by_our_numbers) {
  HostChild outer(inside({tracee("crowd"), "3"}));
  ASSERT_EQ(outer.read_line(), "ready");
  const pid_t pid = child_of(outer.pid());
  Debugger d(DebuggerOptions{});
  d.attach(pid);
  ASSERT_EQ(d.threads().size(), 4U);
  for (const Thread& t : d.threads()) {
    EXPECT_TRUE(traced_by_us(t.tid()));
    const std::int64_t inner = t.invoke_syscall("gettid");
    EXPECT_GT(inner, 0);
    EXPECT_LT(inner, 100);
  }
}

TEST_F(PidNamespace, threads_born_under_us_are_registered) {
  HostChild outer(inside({tracee("short_threads"), "100000000"}));
  pid_t pid = 0;
  ASSERT_TRUE(eventually([&] {
    pid = child_of(outer.pid());
    return pid > 0 && read_file("/proc/" + std::to_string(pid) + "/comm") == "short_threads\n";
  }));
  Debugger d(DebuggerOptions{});
  d.attach(pid);
  Event enough;
  std::size_t calls = 0;
  d.handle_syscall("getppid", {.on_exit = [&](Thread& t, SyscallHandler&) {
                     EXPECT_EQ(t.pid(), pid);
                     EXPECT_TRUE(traced_by_us(t.tid()));
                     if (++calls == 20) enough.happen();
                   }});
  d.cont();
  EXPECT_TRUE(enough.wait());
  d.kill();
}

}  // namespace
}  // namespace trapline::live
