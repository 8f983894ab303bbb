#include "os/wait.hpp"

#include <gtest/gtest.h>

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace trapline::os {
namespace {

using Kind = WaitStatus::Kind;
using Event = WaitStatus::Event;

TEST(WaitStatus, of_an_exit) {
  const auto status = WaitStatus::exited(7);
  EXPECT_EQ(status.kind(), Kind::exited);
  EXPECT_TRUE(status.dead());
  EXPECT_EQ(status.exit_code(), 7);
  EXPECT_EQ(status.event(), Event::none);
  EXPECT_FALSE(status.syscall_stop());
  EXPECT_TRUE(WIFEXITED(status.raw()));
  EXPECT_EQ(WEXITSTATUS(status.raw()), 7);
}

TEST(WaitStatus, of_an_exit_that_looks_like_a_syscall_stop) {
  const auto status = WaitStatus::exited(SIGTRAP | 0x80);
  EXPECT_FALSE(status.syscall_stop());
  EXPECT_EQ(status.exit_code(), 0x85);
  EXPECT_EQ(WEXITSTATUS(status.raw()), 0x85);
}

TEST(WaitStatus, of_a_death_by_a_signal) {
  const auto status = WaitStatus::killed(SIGSEGV);
  EXPECT_EQ(status.kind(), Kind::killed);
  EXPECT_TRUE(status.dead());
  EXPECT_EQ(status.exit_signal(), SIGSEGV);
  EXPECT_EQ(status.event(), Event::none);
  EXPECT_TRUE(WIFSIGNALED(status.raw()));
  EXPECT_EQ(WTERMSIG(status.raw()), SIGSEGV);
}

TEST(WaitStatus, of_a_signal_delivery_stop) {
  for (const int signal : {SIGUSR1, SIGTRAP, SIGSTOP, 34, 64}) {
    const auto status = WaitStatus::stopped(signal);
    EXPECT_EQ(status.kind(), Kind::stopped);
    EXPECT_FALSE(status.dead());
    EXPECT_FALSE(status.syscall_stop()) << signal;
    EXPECT_EQ(status.event(), Event::none);
    EXPECT_EQ(status.stop_signal(), signal);
    EXPECT_TRUE(WIFSTOPPED(status.raw()));
    EXPECT_EQ(WSTOPSIG(status.raw()), signal);
  }
}

TEST(WaitStatus, of_a_syscall_stop) {
  const auto status = WaitStatus::stopped(SIGTRAP | 0x80);
  EXPECT_TRUE(status.syscall_stop());
  EXPECT_EQ(status.event(), Event::none);
  EXPECT_EQ(status.stop_signal(), SIGTRAP);
}

TEST(WaitStatus, of_events) {
  const std::pair<Event, int> events[] = {{Event::fork, PTRACE_EVENT_FORK},
                                          {Event::vfork, PTRACE_EVENT_VFORK},
                                          {Event::clone, PTRACE_EVENT_CLONE},
                                          {Event::exec, PTRACE_EVENT_EXEC},
                                          {Event::vfork_done, PTRACE_EVENT_VFORK_DONE},
                                          {Event::exit, PTRACE_EVENT_EXIT},
                                          {Event::seccomp, PTRACE_EVENT_SECCOMP},
                                          {Event::stop, PTRACE_EVENT_STOP}};
  for (const auto& [event, number] : events) {
    const auto status = WaitStatus::stopped(SIGTRAP | number << 8);
    EXPECT_EQ(status.event(), event) << number;
    EXPECT_EQ(status.stop_signal(), SIGTRAP) << number;
    EXPECT_FALSE(status.syscall_stop()) << number;
    EXPECT_EQ(status.raw() >> 8, SIGTRAP | number << 8) << "as ptrace(2) tells to test it";
  }
}

TEST(WaitStatus, of_a_group_stop) {
  for (const int signal : {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU}) {
    const auto status = WaitStatus::stopped(signal | PTRACE_EVENT_STOP << 8);
    EXPECT_EQ(status.event(), Event::stop);
    EXPECT_EQ(status.stop_signal(), signal);
  }
}

TEST(WaitStatus, default_is_a_clean_exit) {
  EXPECT_EQ(WaitStatus().kind(), Kind::exited);
  EXPECT_EQ(WaitStatus().exit_code(), 0);
}

class Children : public ::testing::Test {
 protected:
  template <class F>
  void start(F child) {
    pid_ = fork();
    ASSERT_NE(pid_, -1);
    if (pid_ == 0) {
      child();
      _exit(0);
    }
  }
  pid_t pid_ = 0;
};

TEST(WaitStatus, in_words) {
  EXPECT_EQ(describe(WaitStatus::exited(3)), "exited with 3");
  EXPECT_EQ(describe(WaitStatus::killed(9)), "killed by SIGKILL");
  EXPECT_EQ(describe(WaitStatus::stopped(10)), "SIGUSR1");
  EXPECT_EQ(describe(WaitStatus::stopped(5 | 0x80)), "the syscall stop");
  EXPECT_EQ(describe(WaitStatus::stopped(5 | 3 << 8)), "the clone event");
}

TEST_F(Children, a_look_takes_nothing) {
  start([] { _exit(42); });
  const auto seen = look_one(pid_, Sleep::until_event);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->tid, pid_);
  EXPECT_EQ(seen->status.kind(), Kind::exited);
  EXPECT_EQ(seen->status.exit_code(), 42);
  ASSERT_TRUE(look_one(pid_, Sleep::no)) << "it is still there";
  const auto any = look_any(Sleep::until_event, true);
  ASSERT_TRUE(any);
  EXPECT_EQ(any->tid, pid_);
  EXPECT_FALSE(look_any(Sleep::no, false)) << "deaths were not asked for";
  EXPECT_TRUE(has_children());
  take(pid_);
  EXPECT_FALSE(look_one(pid_, Sleep::no));
  EXPECT_FALSE(has_children());
}

TEST_F(Children, death_by_a_signal) {
  start([] { raise(SIGKILL); });
  const auto seen = look_one(pid_, Sleep::until_event);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->status.kind(), Kind::killed);
  EXPECT_EQ(seen->status.exit_signal(), SIGKILL);
  take(pid_);
}

TEST_F(Children, one_that_lives_on_shows_nothing) {
  start([] { pause(); });
  EXPECT_FALSE(look_one(pid_, Sleep::no));
  EXPECT_FALSE(look_any(Sleep::no, true));
  EXPECT_TRUE(has_children());
  ::kill(pid_, SIGKILL);
  ASSERT_TRUE(look_one(pid_, Sleep::until_event));
  take(pid_);
}

}  // namespace
}  // namespace trapline::os
