#include "support.hpp"

#include <csignal>
#include <sstream>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace trapline::live {
namespace {

using HostKilled = Live;

/// Becomes readable when the process has died.
class PidFd {
 public:
  explicit PidFd(pid_t pid) : fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  ~PidFd() { ::close(fd_); }
  PidFd(const PidFd&) = delete;
  PidFd& operator=(const PidFd&) = delete;
  [[nodiscard]] bool died_within(std::chrono::milliseconds time) const {
    pollfd poll{.fd = fd_, .events = POLLIN, .revents = 0};
    return ::poll(&poll, 1, static_cast<int>(time.count())) == 1;
  }

 private:
  int fd_;
};

pid_t launched_pid(const HostChild& host) {
  const pid_t pid = std::stoi(host.read_line());
  EXPECT_EQ(host.read_line(), "ready");
  return pid;
}

TEST_F(HostKilled, its_tracee_dies_with_it) {
  HostChild host({tracee("host_killed"), "kill"});
  const PidFd launched(launched_pid(host));
  host.signal(SIGKILL);
  host.reap();
  EXPECT_TRUE(launched.died_within(patience));
}

TEST_F(HostKilled, or_lives_on_when_told_so) {
  HostChild host({tracee("host_killed"), "free"});
  const pid_t pid = launched_pid(host);
  const PidFd launched(pid);
  host.send("a");
  EXPECT_EQ(host.read(1), "b") << "it does not run under the tracer";
  host.signal(SIGKILL);
  host.reap();
  host.send("c");
  EXPECT_EQ(host.read(1), "d") << "it does not run without it";
  EXPECT_EQ(tracer_of(pid), 0);
  host.close_input();
  EXPECT_TRUE(launched.died_within(patience));
}

TEST_F(HostKilled, an_attached_process_lives_on) {
  HostChild child({tracee("echo")});
  ASSERT_EQ(child.read_line(), "ready");
  HostChild host({tracee("host_killed"), "free", std::to_string(child.pid())});
  ASSERT_EQ(host.read_line(), std::to_string(child.pid()));
  host.signal(SIGKILL);
  host.reap();
  child.send("a");
  EXPECT_EQ(child.read(1), "b");
  child.close_input();
  EXPECT_EQ(child.exit_status(), 0);
}

TEST_F(HostKilled, an_attached_process_dies_when_told_so) {
  HostChild child({tracee("echo")});
  ASSERT_EQ(child.read_line(), "ready");
  HostChild host({tracee("host_killed"), "kill", std::to_string(child.pid())});
  ASSERT_EQ(host.read_line(), std::to_string(child.pid()));
  host.signal(SIGKILL);
  host.reap();
  EXPECT_EQ(WTERMSIG(child.reap()), SIGKILL);
}

/// The code of the process's program, as it lies in its memory.
std::string text_of(pid_t pid) {
  const std::string directory = "/proc/" + std::to_string(pid);
  std::istringstream maps(read_file(directory + "/maps"));
  std::string text;
  for (std::string line; std::getline(maps, line);) {
    if (line.find(" r-xp ") == std::string::npos || !line.ends_with("/hard")) continue;
    std::size_t dash = 0;
    const std::size_t start = std::stoul(line, &dash, 16);
    text.resize(std::stoul(line.substr(dash + 1), nullptr, 16) - start);
    const int memory = ::open((directory + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(::pread(memory, text.data(), text.size(), static_cast<off_t>(start)), std::ssize(text));
    ::close(memory);
  }
  return text;
}

TEST_F(HostKilled, its_breakpoints_are_taken_out) {
  HostChild child({tracee("hard"), "answer", "20"});
  ASSERT_EQ(child.read_line(), "0");
  const std::string original = text_of(child.pid());
  ASSERT_FALSE(original.empty());
  for (int i = 0; i < 100; ++i) {
    HostChild host({tracee("host_killed"), "free", std::to_string(child.pid()), "target", "done", "main"});
    ASSERT_EQ(host.read_line(), std::to_string(child.pid()));
    ASSERT_EQ(host.read_line(), "goes on");
    if (i % 2 == 0) {
      child.send("x");
      ASSERT_EQ(child.read_line(), "0") << i;
    }
    ASSERT_NE(text_of(child.pid()), original);
    host.signal(SIGKILL);
    host.reap();
    ASSERT_TRUE(eventually([&] { return text_of(child.pid()) == original; })) << i;
    child.send("x");
    ASSERT_EQ(child.read_line(), "0") << i;
  }
  child.close_input();
  EXPECT_EQ(child.read_line(), "0");
  EXPECT_EQ(child.exit_status(), 0);
}

TEST_F(HostKilled, or_kill_who_runs_into_one_at_that_moment) {
  for (int i = 0; i < 20; ++i) {
    HostChild child({tracee("hard"), "hammer", "4"});
    ASSERT_EQ(child.read_line(), "4");
    HostChild host({tracee("host_killed"), "free", std::to_string(child.pid()), "target"});
    ASSERT_EQ(host.read_line(), std::to_string(child.pid()));
    ASSERT_EQ(host.read_line(), "goes on");
    host.signal(SIGKILL);
    host.reap();
    child.close_input();
    const int status = child.reap();
    EXPECT_TRUE(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGTRAP) << status;
  }
}

TEST_F(HostKilled, a_host_that_dies_in_the_spawn_leaves_nothing) {
  // Many hosts are killed at different moments of their first instructions; whatever they had launched must be gone.
  for (int i = 0; i < 20; ++i) {
    HostChild host({tracee("host_killed"), "kill"});
    host.read(static_cast<std::size_t>(i % 3));
    host.signal(SIGKILL);
    host.reap();
    // The tracee holds the other end of our pipe: the end of the output says that it is gone.
    host.read(1 << 20);
  }
}

}  // namespace
}  // namespace trapline::live
