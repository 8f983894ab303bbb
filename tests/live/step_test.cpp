#include "support.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include <sys/syscall.h>
#include <unistd.h>

namespace trapline::live {
namespace {

using Step = Live;

TEST_F(Step, executes_one_instruction) {
  Debugger d(program("points"));
  d.run(no_stdio());
  std::set<Address> seen;
  for (int i = 0; i < 100; ++i) {
    seen.insert(d.main_thread().pc());
    const Stop stop = d.step();
    EXPECT_EQ(stop.kind, StopKind::stepped);
    EXPECT_EQ(stop.thread, d.main_thread());
  }
  EXPECT_GT(seen.size(), 20U);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

/// `exec_site`, at rest after its announcement, with the pc on its own syscall instruction.
class AtSyscallInstruction {
 public:
  AtSyscallInstruction() : debugger_(program("exec_site")), io_(debugger_.run(piped())) {
    to_announcement_exit(debugger_);
    debugger_.main_thread().set_pc(at("site"));
  }
  Debugger* operator->() { return &debugger_; }
  Debugger& operator*() { return debugger_; }
  Stdio& io() { return io_; }
  Address at(const char* symbol) { return debugger_.symbols().resolve(Location(symbol).in("binary")); }

 private:
  Debugger debugger_;
  Stdio io_;
};

TEST_F(Step, over_a_syscall_that_was_set_up_by_hand) {
  AtSyscallInstruction d;
  d->set_syscall_number("dup");
  d->set_syscall_arg(0, 1);
  EXPECT_EQ(d->syscall_number(), SYS_dup);
  EXPECT_EQ(d->syscall_arg(0), 1U);
  EXPECT_EQ(d->regs().rax(), static_cast<std::uint64_t>(SYS_dup));
  EXPECT_EQ(d->regs().rdi(), 1U);
  EXPECT_EQ(d->step().kind, StopKind::stepped);
  EXPECT_EQ(d->main_thread().pc(), d.at("after"));
  EXPECT_GE(static_cast<std::int64_t>(d->regs().rax()), 3);
}

TEST_F(Step, over_a_syscall_raises_its_handlers) {
  AtSyscallInstruction d;
  Transcript transcript;
  const SyscallHandler handler = d->handle_syscall("getpid", transcript.options());
  d->set_syscall_number("getpid");
  const Stop stop = d->step();
  EXPECT_EQ(stop.kind, StopKind::stepped) << stop;
  EXPECT_EQ(transcript.text(), "enter getpid|exit getpid");
  EXPECT_EQ(handler.hit_count(), 1U);
  EXPECT_EQ(d->main_thread().pc(), d.at("after"));
  EXPECT_EQ(d->regs().rax(), static_cast<std::uint64_t>(d->pid()));
}

TEST_F(Step, ends_early_at_a_synchronous_handler) {
  AtSyscallInstruction d;
  const SyscallHandler handler = d->handle_syscall("getpid");
  d->set_syscall_number("getpid");
  Stop stop = d->step();
  EXPECT_EQ(stop.kind, StopKind::syscall_enter);
  EXPECT_TRUE(handler.hit_on_enter(stop.thread));
  stop = d->step();
  EXPECT_EQ(stop.kind, StopKind::syscall_exit);
  EXPECT_EQ(stop.thread.syscall_return(), d->pid());
  EXPECT_EQ(d->main_thread().pc(), d.at("after"));
}

TEST_F(Step, execve_of_a_shell_that_was_found_in_libc) {
  AtSyscallInstruction d;
  const std::vector<Address> shells = d->memory().find("/bin/sh", {.in = "libc"});
  ASSERT_FALSE(shells.empty());
  d->set_syscall_number("execve");
  d->set_syscall_arg(0, shells.front());
  d->set_syscall_arg(1, 0);
  d->set_syscall_arg(2, 0);
  d->step();
  EXPECT_TRUE(d->maps().filter("exec_site").empty());
  d->cont();
  d.io().send("echo from the shell; exit 7\n");
  EXPECT_EQ(rest_of_output(d.io()), "from the shell\n");
  EXPECT_EQ(d->wait(patience).exit_code, 7);
}

TEST_F(Step, execve_on_a_syscall_instruction_of_libc) {
  AtSyscallInstruction d;
  const Bytes instruction = {std::byte{0x0f}, std::byte{0x05}};
  const MemoryMaps maps = d->maps();
  const std::vector<Address> hits = d->memory().find(instruction, {.in = "libc"});
  const auto hit = std::find_if(hits.begin(), hits.end(), [&](Address a) { return maps.at(a)->executable; });
  ASSERT_NE(hit, hits.end());
  d->main_thread().set_pc(*hit);
  d->set_syscall_number(SYS_execve);
  d->set_syscall_arg(0, d.at("path"));
  d->set_syscall_arg(1, 0);
  d->set_syscall_arg(2, 0);
  d->step();
  EXPECT_EQ(run_out(*d).exit_code, 0);
}

TEST_F(Step, over_exit_group_ends_the_process) {
  AtSyscallInstruction d;
  d->set_syscall_number("exit_group");
  d->set_syscall_arg(0, 21);
  const Stop stop = d->step();
  EXPECT_EQ(stop.kind, StopKind::exited);
  EXPECT_EQ(stop.exit_code, 21);
}

TEST_F(Step, of_one_thread_leaves_the_others_at_rest) {
  Debugger d(program("companion"));
  d.run(no_stdio());
  to_announcement_exit(d);
  const Address turns = d.symbols().resolve("turns");
  const auto before = d.memory().read_value<std::uint64_t>(turns);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(d.step().kind, StopKind::stepped);
  EXPECT_EQ(d.memory().read_value<std::uint64_t>(turns), before);
  const Thread other = d.threads().at(1);
  const Address pc = d.main_thread().pc();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(other.step().thread, other);
  EXPECT_GT(d.memory().read_value<std::uint64_t>(turns), before);
  EXPECT_EQ(d.main_thread().pc(), pc);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Step, handles_a_kept_event_first) {
  constexpr std::size_t rounds = 50;
  Debugger d(program("threads", {"4", std::to_string(rounds)}));
  const SyscallHandler handler = d.handle_syscall("sched_yield");
  d.run(no_stdio());
  std::map<pid_t, int> open;
  std::size_t ended = 0;
  const auto note = [&](const Stop& stop) {
    if (stop.kind == StopKind::stepped) return;
    const bool enter = stop.kind == StopKind::syscall_enter;
    open[stop.thread.tid()] += enter ? 1 : -1;
    EXPECT_EQ(open[stop.thread.tid()], enter ? 1 : 0);
    ended += enter ? 0 : 1;
  };
  for (Stop stop = next_stop(d); stop.kind != StopKind::exited; stop = next_stop(d)) {
    note(stop);
    for (const Thread& t : d.threads()) {
      // Only of one in the middle of its loop is it known that a step ends.
      if (t != stop.thread && open[t.tid()] == 1) note(t.step());
    }
  }
  EXPECT_EQ(d.exit_code(), 0);
  EXPECT_EQ(ended, 4 * rounds);
  EXPECT_EQ(handler.hit_count(), 4 * rounds);
}

TEST_F(Step, in_a_clone_sees_its_exit) {
  // Interrupted so often, the main thread is sometimes inside its clone.
  Debugger d(program("short_threads", {"1000000"}));
  const SyscallHandler clones = d.handle_syscall({"clone", "clone3"}, {.on_exit = [](Thread&, SyscallHandler&) {}});
  d.run(no_stdio());
  std::size_t steps = 0;
  for (int i = 0; i < 5000 && steps < 3; ++i) {
    d.cont();
    d.interrupt();
    ASSERT_EQ(d.wait(patience).kind, StopKind::interrupted);
    const std::uint64_t call = d.regs().orig_rax();
    const bool clone = call == SYS_clone || call == SYS_clone3;
    if (!clone || !d.main_thread().in_syscall() || d.main_thread().syscall_return() != -ENOSYS) continue;
    ++steps;
    EXPECT_EQ(d.step().kind, StopKind::stepped);
    EXPECT_EQ(clones.hit_count(), clones.enter_count()) << "round " << i;
  }
  d.kill();
  if (steps == 0) GTEST_SKIP() << "no interruption met the thread inside its clone (as on one CPU)";
}

TEST_F(Step, in_a_callback) {
  Debugger d(program("points"));
  d.handle_syscall(announcement, {.on_exit =
                                      [&](Thread& t, SyscallHandler&) {
                                        const Address pc = t.pc();
                                        EXPECT_EQ(t.step().kind, StopKind::stepped);
                                        EXPECT_NE(t.pc(), pc);
                                      },
                                  .once = true});
  EXPECT_EQ(run_to_exit(d), 0);
}

TEST_F(Step, needs_a_process) {
  Debugger d(program("points"));
  EXPECT_THROW(static_cast<void>(d.step()), UsageError);
  run_to_exit(d);
  EXPECT_THROW(static_cast<void>(d.step()), ProcessGone);
}

}  // namespace
}  // namespace trapline::live
