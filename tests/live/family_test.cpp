#include "support.hpp"

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <iterator>
#include <map>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

namespace trapline::live {
namespace {

/// Children of each kind, followed.
class Family : public Live {
 protected:
  /// What happened to whom, with ids replaced by the order of their appearance; the root is 0.
  class Lives {
   public:
    explicit Lives(Debugger& debugger) { watch(debugger); }

    std::string name(pid_t pid) {
      const auto [entry, fresh] = names_.try_emplace(pid, std::to_string(names_.size()));
      return entry->second;
    }
    [[nodiscard]] const std::vector<std::string>& events() const { return events_; }
    [[nodiscard]] std::string text() const {
      std::string all;
      for (const std::string& event : events_) all += event + '\n';
      return all;
    }
    [[nodiscard]] std::size_t count(const std::string& event) const {
      return static_cast<std::size_t>(std::ranges::count(events_, event));
    }

   private:
    void watch(const Process& process) {
      process.on_fork([this](Thread& parent, Process& child) {
        add(name(parent.pid()) + " forks " + name(child.pid()));
        watch(child);
      });
      process.on_exec([this](Thread& thread) { add(name(thread.pid()) + " executes"); });
      process.on_exit([this](Thread& thread, const ExitStatus& status) {
        add(name(thread.pid()) + " exits " + std::to_string(status.code.value_or(-status.signal.value_or(0))));
      });
      process.handle_syscall("getpgid", {.on_enter = [this](Thread& thread, SyscallHandler&) {
                               if (thread.syscall_arg(0) == 0x7e570001) add(name(thread.pid()) + " announces");
                             }});
    }
    void add(std::string event) { events_.push_back(std::move(event)); }

    std::map<pid_t, std::string> names_{};
    std::vector<std::string> events_;
  };

  static std::string lives_of(const std::string& kind) {
    Debugger debugger(program("family", {kind}));
    Lives lives(debugger);
    debugger.run(no_stdio());
    lives.name(debugger.pid());
    EXPECT_EQ(run_out(debugger).exit_code, 5);
    return lives.text();
  }
};

TEST_F(Family, fork) { EXPECT_EQ(lives_of("fork"), "0 forks 1\n1 announces\n1 exits 10\n0 exits 5\n"); }
TEST_F(Family, vfork) { EXPECT_EQ(lives_of("vfork"), "0 forks 1\n1 announces\n1 exits 11\n0 exits 5\n"); }
TEST_F(Family, clone) { EXPECT_EQ(lives_of("clone"), "0 forks 1\n1 announces\n1 exits 12\n0 exits 5\n"); }
TEST_F(Family, clone_without_an_exit_signal) {
  EXPECT_EQ(lives_of("clone_silent"), "0 forks 1\n1 announces\n1 exits 12\n0 exits 5\n");
}
TEST_F(Family, clone_that_shares_the_memory) {
  EXPECT_EQ(lives_of("clone_vm"), "0 forks 1\n1 announces\n1 exits 12\n0 exits 5\n");
}
TEST_F(Family, clone_that_shares_descriptors) {
  EXPECT_EQ(lives_of("clone_files"), "0 forks 1\n1 announces\n1 exits 12\n0 exits 5\n");
}
TEST_F(Family, clone3) { EXPECT_EQ(lives_of("clone3"), "0 forks 1\n1 announces\n1 exits 13\n0 exits 5\n"); }
TEST_F(Family, posix_spawn) {
  EXPECT_EQ(lives_of("spawn"), "0 forks 1\n1 executes\n1 announces\n1 exits 14\n0 exits 5\n");
}
TEST_F(Family, system) { EXPECT_EQ(lives_of("system"), "0 forks 1\n1 executes\n1 exits 15\n0 exits 5\n"); }

TEST_F(Family, into_namespaces) {
  const std::string lives = lives_of("clone_pidns");
  if (lives == "0 exits 5\n") GTEST_SKIP() << "user namespaces are forbidden here";
  EXPECT_EQ(lives, "0 forks 1\n1 announces\n1 exits 12\n0 exits 5\n");
}

TEST_F(Family, a_daemon) {
  Debugger debugger(program("family", {"daemon"}));
  Lives lives(debugger);
  debugger.run(no_stdio());
  lives.name(debugger.pid());
  EXPECT_EQ(run_out(debugger).exit_code, 5);
  for (const std::string event : {"0 forks 1", "1 forks 2", "1 announces", "2 announces", "1 exits 16", "0 exits 5"}) {
    EXPECT_EQ(lives.count(event), 1) << event << " in\n" << lives.text();
  }
}

TEST_F(Family, children_know_their_parents) {
  Debugger debugger(program("family", {"fork", "vfork", "spawn"}));
  debugger.run(no_stdio());
  EXPECT_TRUE(debugger.children().empty());
  EXPECT_FALSE(debugger.parent());
  EXPECT_EQ(run_out(debugger).exit_code, 5);
  const auto children = debugger.children();
  ASSERT_EQ(children.size(), 3);
  std::vector<std::optional<int>> codes;
  for (const Process& child : children) {
    EXPECT_TRUE(child.dead());
    codes.push_back(child.exit_code());
    ASSERT_TRUE(child.parent());
    EXPECT_EQ(*child.parent(), debugger);
  }
  EXPECT_EQ(codes, (std::vector<std::optional<int>>{10, 11, 14}));
}

TEST_F(Family, stops_at_a_fork_with_the_child) {
  Debugger debugger(program("family", {"fork"}));
  const Catchpoint forks = debugger.stop_on_fork();
  debugger.run(no_stdio());
  Stop stop = next_stop(debugger);
  ASSERT_EQ(stop.kind, StopKind::fork);
  EXPECT_TRUE(forks.hit_on(stop.thread));
  ASSERT_TRUE(stop.child);
  const Process child = stop.child->process();
  Stop birth = child.wait(patience);
  EXPECT_EQ(birth.kind, StopKind::born);
  EXPECT_EQ(birth.thread.tid(), child.pid());
  // Traps placed now are there from its first instruction.
  const SyscallHandler handler = child.handle_syscall("getpgid");
  child.cont();
  birth = child.wait(patience);
  ASSERT_EQ(birth.kind, StopKind::syscall_enter);
  handler.remove();
  // The parent's commands work while the child rests, and the child's while the parent does.
  EXPECT_FALSE(debugger.running());
  EXPECT_EQ(debugger.invoke_syscall("getpid"), debugger.pid());
  EXPECT_EQ(child.invoke_syscall("getpid"), child.pid());
  child.cont();
  EXPECT_EQ(child.wait(patience).exit_code, 10);
  EXPECT_EQ(run_out(debugger).exit_code, 5);
}

TEST_F(Family, a_fork_can_be_refused_to_the_child) {
  Debugger debugger(program("family", {"fork", "fork"}));
  debugger.on_fork([](Thread&, Process& child) { child.kill(); });
  debugger.run(piped());
  EXPECT_EQ(run_out(debugger).exit_code, 5);
  EXPECT_EQ(rest_of_output(debugger.stdio()), "-9\n-9\n");
  for (const Process& child : debugger.children()) EXPECT_EQ(child.exit_signal(), SIGKILL);
}

TEST_F(Family, a_child_can_be_let_go_at_its_birth) {
  Debugger debugger(program("family", {"fork", "vfork", "clone_vm", "spawn"}));
  debugger.on_fork([](Thread&, Process& child) { child.detach(); });
  debugger.run(piped());
  EXPECT_EQ(run_out(debugger).exit_code, 5);
  EXPECT_EQ(rest_of_output(debugger.stdio()), "10\n11\n12\n14\n");
}

TEST_F(Family, nobody_is_followed_unless_wanted) {
  DebuggerOptions options = program("family", {"fork", "vfork", "clone", "clone_vm", "clone3", "spawn", "system"});
  options.follow_children = false;
  Debugger debugger(options);
  int forks = 0;
  debugger.on_fork([&](Thread&, Process&) { ++forks; });
  debugger.breakpoint("child_body");
  debugger.run(piped());
  EXPECT_EQ(run_out(debugger).exit_code, 5);
  EXPECT_EQ(rest_of_output(debugger.stdio()), "10\n11\n12\n12\n13\n14\n15\n");
  EXPECT_EQ(forks, 0);
  EXPECT_TRUE(debugger.children().empty());
}

TEST_F(Family, traps_of_the_parent_are_not_the_childrens) {
  Debugger debugger(program("family", {"fork", "vfork", "clone", "clone_vm", "clone3", "spawn"}));
  const Breakpoint trap = debugger.breakpoint("child_body", {.callback = [](Thread&, Breakpoint&) {}});
  debugger.run(piped());
  EXPECT_EQ(run_out(debugger).exit_code, 5);
  EXPECT_EQ(rest_of_output(debugger.stdio()), "10\n11\n12\n12\n13\n14\n");
  EXPECT_EQ(trap.hit_count(), 0);
}

TEST_F(Family, a_trap_in_the_child_alone) {
  for (const char* kind : {"fork", "spawn"}) {
    Debugger debugger(program("family", {kind}));
    std::optional<Breakpoint> trap;
    debugger.on_fork([&](Thread&, Process& child) {
      trap = child.breakpoint("child_body", {.callback = [](Thread&, Breakpoint&) {}});
    });
    debugger.run(no_stdio());
    EXPECT_EQ(run_out(debugger).exit_code, 5) << kind;
    ASSERT_TRUE(trap);
    EXPECT_EQ(trap->hit_count(), 1) << kind;
  }
}

TEST_F(Family, traps_are_inherited_if_wanted) {
  DebuggerOptions options = program("family", {"fork", "vfork", "clone", "spawn"});
  options.inherit_traps = true;
  Debugger debugger(options);
  const Breakpoint trap = debugger.breakpoint("child_body", {.callback = [](Thread&, Breakpoint&) {}});
  const SyscallHandler handler = debugger.handle_syscall("getpgid", {.on_enter = [](Thread&, SyscallHandler&) {}});
  int forks = 0;
  debugger.on_fork([&](Thread&, Process&) { ++forks; });
  debugger.run(piped());
  EXPECT_EQ(run_out(debugger).exit_code, 5);
  EXPECT_EQ(rest_of_output(debugger.stdio()), "10\n11\n12\n14\n");
  // The child of vfork has no memory of its own in which a trap could be its.
  EXPECT_EQ(trap.hit_count(), 3);
  EXPECT_EQ(handler.hit_count(), 5);
  EXPECT_EQ(forks, 4);
}

TEST_F(Family, the_next_run_and_the_end_take_all_of_them_along) {
  pid_t first = 0;
  pid_t second = 0;
  {
    Debugger debugger(program("talk", {"f"}));
    debugger.run(piped());
    EXPECT_EQ(run_out(debugger).exit_code, 0);
    ASSERT_EQ(debugger.processes().size(), 1);
    first = debugger.processes().front().pid();
    debugger.run(piped());
    EXPECT_TRUE(gone(first));
    EXPECT_EQ(run_out(debugger).exit_code, 0);
    ASSERT_EQ(debugger.processes().size(), 1);
    second = debugger.processes().front().pid();
    EXPECT_FALSE(gone(second));
  }
  EXPECT_TRUE(gone(second));
}

TEST_F(Family, a_parent_in_vfork_is_let_go_while_the_child_rests) {
  Debugger debugger(program("family", {"vfork"}));
  std::optional<SyscallHandler> announced;
  debugger.on_fork([&](Thread&, Process& child) { announced = child.handle_syscall("getpgid"); });
  const Breakpoint trap = debugger.breakpoint("child_body");
  debugger.run(piped());
  debugger.cont();
  ASSERT_EQ(debugger.wait_any(patience).kind, StopKind::syscall_enter);
  ASSERT_TRUE(announced);
  const Process child = debugger.children().front();
  debugger.detach();
  // The memory is the child's now, and free of traps.
  EXPECT_EQ(debugger.processes(), std::vector<Process>{child});
  announced->remove();
  child.cont();
  EXPECT_EQ(child.wait(patience).exit_code, 11);
  EXPECT_EQ(rest_of_output(debugger.stdio()), "11\n");
}

TEST_F(Family, each_kind_where_kcmp_is_forbidden) {
  // As a container's filter does to the host program.
  sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kcmp, 0, 1),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog filter{std::size(code), code};
  ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
  Debugger debugger(program("family", {"fork", "vfork", "clone", "clone_silent", "clone_vm", "clone3", "spawn"}));
  // In the memory that some of the children share, and the parent's alone.
  const Breakpoint trap = debugger.breakpoint("reap", {.callback = [](Thread&, Breakpoint&) {}});
  debugger.run(piped());
  EXPECT_EQ(run_out(debugger).exit_code, 5);
  EXPECT_EQ(rest_of_output(debugger.stdio()), "10\n11\n12\n12\n12\n13\n14\n");
  EXPECT_EQ(debugger.children().size(), 7);
  EXPECT_EQ(trap.hit_count(), 7);
}

TEST_F(Family, who_is_followed_lives_on_if_wanted) {
  pid_t keeper = 0;
  {
    Debugger debugger(program("talk", {"f"}));
    debugger.run(piped());
    EXPECT_EQ(run_out(debugger).exit_code, 0);
    ASSERT_EQ(debugger.processes().size(), 1);
    keeper = debugger.processes().front().pid();
    debugger.set_kill_on_exit(false);
  }
  EXPECT_FALSE(gone(keeper));
  EXPECT_EQ(tracer_of(keeper), 0);
  ::kill(keeper, SIGKILL);
}

TEST_F(Family, ends_are_foretold_as_they_come) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> programs{{"exit_with", {"9"}},
                                                                               {"die", {std::to_string(SIGSEGV)}},
                                                                               {"die", {std::to_string(SIGKILL)}},
                                                                               {"leader_exits", {}}};
  for (const auto& [name, args] : programs) {
    DebuggerOptions options = program(name, args);
    // Where core files are made, the status has one more bit.
    options.limits = {{.resource = RLIMIT_CORE}};
    const ScratchDir folder;
    options.cwd = folder.path();
    Debugger debugger(options);
    std::vector<ExitStatus> foretold;
    debugger.on_exit([&](Thread&, const ExitStatus& status) { foretold.push_back(status); });
    debugger.run(no_stdio());
    const Stop end = run_out(debugger);
    ASSERT_EQ(foretold.size(), 1) << name;
    EXPECT_EQ(foretold.front().code, end.exit_code) << name;
    EXPECT_EQ(foretold.front().signal, end.exit_signal) << name;
  }
}

TEST_F(Family, stops_at_its_end) {
  Debugger debugger(program("exit_with", {"7"}));
  const Catchpoint end = debugger.stop_on_exit();
  debugger.run(no_stdio());
  const Stop stop = next_stop(debugger);
  ASSERT_EQ(stop.kind, StopKind::exiting);
  EXPECT_EQ(stop.exit_code, 7);
  EXPECT_TRUE(end.hit_on(stop.thread));
  EXPECT_FALSE(debugger.dead());
  // Its memory is still there.
  EXPECT_FALSE(debugger.maps().filter("exit_with").empty());
  EXPECT_EQ(run_out(debugger).exit_code, 7);
  EXPECT_EQ(end.hit_count(), 1);
}

TEST_F(Family, stops_at_births_and_deaths_of_threads) {
  Debugger debugger(program("short_threads", {"3"}));
  const Catchpoint ends = debugger.stop_on_thread();
  debugger.run(no_stdio());
  std::map<StopKind, int> kinds;
  Stop stop = next_stop(debugger);
  for (; stop.kind != StopKind::exited; stop = next_stop(debugger)) {
    ++kinds[stop.kind];
    EXPECT_TRUE(ends.hit_on(stop.thread));
  }
  EXPECT_EQ(kinds[StopKind::thread_born] + 1, kinds[StopKind::thread_died]);
  EXPECT_EQ(kinds.size(), 2);
}

}  // namespace
}  // namespace trapline::live
