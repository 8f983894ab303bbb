#include "support.hpp"

#include <csignal>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace trapline::live {
namespace {

using Interactive = Live;

/// A terminal with a user at it: the test types and looks at its master, the host's end is `end()`.
class User {
 public:
  explicit User(unsigned short rows = 24, unsigned short columns = 80) {
    winsize size{};
    size.ws_row = rows;
    size.ws_col = columns;
    if (::openpty(&master_, &slave_, nullptr, nullptr, &size) != 0) throw std::runtime_error("openpty");
  }
  ~User() {
    ::close(master_);
    ::close(slave_);
  }
  User(const User&) = delete;
  User& operator=(const User&) = delete;

  [[nodiscard]] int end() const { return slave_; }
  void type(std::string_view keys) const {
    EXPECT_EQ(::write(master_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  void resize(unsigned short rows, unsigned short columns) const {
    winsize size{};
    size.ws_row = rows;
    size.ws_col = columns;
    ::ioctl(master_, TIOCSWINSZ, &size);
  }
  /// What is on the screen, once it ends in that; nothing after patience ran out.
  std::string screen_until(std::string_view end) {
    while (!screen_.ends_with(end)) {
      pollfd polled{master_, POLLIN, 0};
      if (::poll(&polled, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) <= 0) {
        ADD_FAILURE() << "the screen shows only " << screen_;
        break;
      }
      char text[4096];
      const ssize_t count = ::read(master_, text, sizeof text);
      if (count <= 0) break;
      screen_.append(text, static_cast<std::size_t>(count));
    }
    return std::exchange(screen_, {});
  }
  [[nodiscard]] termios settings() const {
    termios settings{};
    ::tcgetattr(slave_, &settings);
    return settings;
  }
  [[nodiscard]] bool raw() const { return (settings().c_lflag & (ICANON | ECHO | ISIG)) == 0; }
  [[nodiscard]] bool cooked() const { return (settings().c_lflag & (ICANON | ECHO | ISIG)) == (ICANON | ECHO | ISIG); }

 private:
  int master_ = -1;
  int slave_ = -1;
  std::string screen_;
};

/// Two pipes for a host without a terminal.
class Pipes {
 public:
  Pipes() {
    if (::pipe2(in_, O_CLOEXEC) != 0 || ::pipe2(out_, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  }
  ~Pipes() {
    end_input();
    close_output();
    ::close(in_[0]);
    ::close(out_[1]);
  }
  Pipes(const Pipes&) = delete;
  Pipes& operator=(const Pipes&) = delete;

  [[nodiscard]] int in() const { return in_[0]; }
  [[nodiscard]] int out() const { return out_[1]; }
  void type(std::string_view keys) const {
    EXPECT_EQ(::write(in_[1], keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  void end_input() { close_end(in_[1]); }
  void close_output() { close_end(out_[0]); }
  [[nodiscard]] std::string read(std::size_t size) const {
    std::string text(size, '\0');
    std::size_t done = 0;
    while (done < size) {
      const ssize_t count = ::read(out_[0], text.data() + done, size - done);
      if (count <= 0) break;
      done += static_cast<std::size_t>(count);
    }
    text.resize(done);
    return text;
  }
  /// What is there by now.
  [[nodiscard]] std::string read_now() const {
    pollfd polled{out_[0], POLLIN, 0};
    if (::poll(&polled, 1, 0) <= 0) return {};
    std::string text(65536, '\0');
    text.resize(static_cast<std::size_t>(::read(out_[0], text.data(), text.size())));
    return text;
  }

 private:
  static void close_end(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
  int in_[2];
  int out_[2];
};

RunOptions terminal() {
  RunOptions options;
  options.stdio = {.in = Stream::pty(), .out = Stream::pty(), .err = Stream::pty(), .timeout = patience};
  return options;
}

RunOptions pipes() {
  RunOptions options;
  options.stdio.timeout = patience;
  return options;
}

TEST_F(Interactive, a_user_at_a_terminal) {
  User user(44, 111);
  Debugger d(program("terminal"));
  const Stdio io = d.run(terminal());
  d.cont();
  // It has its signal handlers by now, and the size of the user's terminal comes by a signal.
  EXPECT_EQ(io.recvline(), "size 24 80\r\n");
  std::thread hands([&] {
    EXPECT_EQ(user.screen_until("size 44 111\r\n"), "size 44 111\r\n");
    EXPECT_TRUE(user.raw());
    user.type("key\r");
    EXPECT_EQ(user.screen_until("read key\r\n"), "key\r\nread key\r\n") << "echoed once, by the process's terminal";
    user.type("\x03");
    EXPECT_EQ(user.screen_until("SIGINT\r\n"), "^CSIGINT\r\n");
    user.resize(10, 20);
    user.type("\r");
    EXPECT_NE(user.screen_until("read \r\n").find("size 10 20"), std::string::npos);
    user.type("\x04");
    EXPECT_TRUE(user.screen_until("end\r\n").ends_with("end\r\n"));
  });
  EXPECT_EQ(io.interactive({.in = user.end(), .out = user.end()}), Interaction::ended);
  hands.join();
  EXPECT_TRUE(user.cooked());
  EXPECT_EQ(d.wait(patience).exit_code, 7);
}

TEST_F(Interactive, the_users_terminal_stays_as_it_is_when_the_process_has_none) {
  User user;
  Debugger d(program("talk", {"o:? ", "l"}));
  const Stdio io = d.run(pipes());
  d.cont();
  std::thread hands([&] {
    user.screen_until("? ");
    EXPECT_TRUE(user.cooked());
    user.type("line\n");
    user.screen_until("[line]\r\n");
  });
  EXPECT_EQ(io.interactive({.in = user.end(), .out = user.end()}), Interaction::ended);
  hands.join();
}

TEST_F(Interactive, shows_first_what_was_buffered) {
  Pipes host;
  Debugger d(program("talk", {"o:one two", "e:three"}));
  const Stdio io = d.run(pipes());
  d.cont();
  EXPECT_EQ(io.recvuntil(" "), "one ");
  EXPECT_EQ(io.recvnerr(2), "th");
  EXPECT_EQ(io.interactive({.in = host.in(), .out = host.out()}), Interaction::ended);
  EXPECT_EQ(host.read_now(), "tworee");
}

TEST_F(Interactive, the_end_of_in_ends_stdin) {
  for (const bool pty : {false, true}) {
    Pipes host;
    Debugger d(command({"cat"}));
    const Stdio io = d.run(pty ? terminal() : pipes());
    d.cont();
    host.type("line\nbegun");
    host.end_input();
    EXPECT_EQ(io.interactive({.in = host.in(), .out = host.out()}), Interaction::ended);
    const std::string output = host.read_now();
    EXPECT_NE(output.find("begun"), std::string::npos) << output;
    EXPECT_EQ(d.wait(patience).exit_code, 0);
    EXPECT_THROW(io.send("more"), UsageError);
  }
}

TEST_F(Interactive, returns_when_the_process_stops_and_goes_on_later) {
  Pipes host;
  Debugger d(program("talk", {"o:one", "a:1", "l"}));
  const Stdio io = d.run(pipes());
  EXPECT_EQ(io.interactive({.in = host.in(), .out = host.out()}), Interaction::stopped) << "it has not begun";
  const SyscallHandler handler = d.handle_syscall(announcement);
  d.cont();
  EXPECT_EQ(io.interactive({.in = host.in(), .out = host.out()}), Interaction::stopped);
  EXPECT_EQ(host.read_now(), "one") << "what it wrote before is shown";
  EXPECT_EQ(d.wait(patience).kind, StopKind::syscall_enter);
  handler.remove();
  host.type("line\n");
  d.cont();
  EXPECT_EQ(io.interactive({.in = host.in(), .out = host.out()}), Interaction::ended);
  EXPECT_EQ(host.read_now(), "[line]\n");
}

TEST_F(Interactive, stays_when_told_to_while_another_thread_lets_it_go_on) {
  Pipes host;
  Debugger d(program("talk", {"l", "l", "l"}));
  const Stdio io = d.run(pipes());
  d.handle_syscall("write");
  host.type("a\nb\nc\n");
  std::thread mover([&] {
    do d.cont();
    while (d.wait(patience).kind != StopKind::exited);
  });
  EXPECT_EQ(io.interactive({.in = host.in(), .out = host.out(), .wait_while_stopped = true}), Interaction::ended);
  mover.join();
  EXPECT_EQ(host.read_now(), "[a]\n[b]\n[c]\n");
}

TEST_F(Interactive, ends_when_the_process_dies_though_its_child_holds_the_streams) {
  Pipes host;
  Debugger d(program("talk", {"f", "o:text", "p"}));
  const Stdio io = d.run(pipes());
  d.cont();
  const pid_t keeper = static_cast<pid_t>(std::stol(io.recvline()));
  EXPECT_EQ(io.recvn(2), "te");
  std::thread killer([&] {
    EXPECT_EQ(host.read(2), "xt");
    d.kill();
  });
  EXPECT_EQ(io.interactive({.in = host.in(), .out = host.out()}), Interaction::ended);
  killer.join();
  ::kill(keeper, SIGKILL);
}

TEST_F(Interactive, an_error_loses_nothing_and_restores_the_terminal) {
  User user;
  Pipes host;
  host.close_output();
  Debugger d(program("talk", {"o:text\n", "p"}));
  const Stdio io = d.run(terminal());
  d.cont();
  EXPECT_THROW(io.interactive({.in = user.end(), .out = host.out()}), OsError);
  EXPECT_TRUE(user.cooked());
  EXPECT_EQ(io.recvline(), "text\r\n");
}

TEST_F(Interactive, a_descriptor_that_cannot_be_read_is_an_error) {
  Pipes host;
  Debugger d(program("talk", {"p"}));
  const Stdio io = d.run(pipes());
  d.cont();
  EXPECT_THROW(io.interactive({.in = -1, .out = host.out()}), OsError);
  EXPECT_THROW(io.interactive({.in = 987, .out = host.out()}), OsError);
}

TEST_F(Interactive, non_blocking_descriptors_are_waited_for) {
  Pipes host;
  ::fcntl(host.in(), F_SETFL, O_NONBLOCK);
  ::fcntl(host.out(), F_SETFL, O_NONBLOCK);
  Debugger d(program("talk", {"x:1000000", "l"}));
  const Stdio io = d.run(pipes());
  d.cont();
  std::thread hands([&] {
    EXPECT_EQ(host.read(1'000'000).size(), 1'000'000U);
    host.type("line\n");
    EXPECT_EQ(host.read(7), "[line]\n");
  });
  EXPECT_EQ(io.interactive({.in = host.in(), .out = host.out()}), Interaction::ended);
  hands.join();
}

TEST_F(Interactive, more_is_typed_than_the_process_reads) {
  Pipes host;
  Debugger d(program("talk", {"l", "a:1", "p"}));
  const Stdio io = d.run(pipes());
  io.set_timeout(1ms);
  const SyscallHandler handler = d.handle_syscall(announcement);
  std::thread hands([&] {
    // Its stdin is full long before, and the default timeout over: keys just wait.
    for (int i = 0; i < 100; ++i) host.type(std::string(1000, 'x'));
    host.type("\n");
  });
  d.cont();
  EXPECT_EQ(io.interactive({.in = host.in(), .out = host.out()}), Interaction::stopped);
  hands.join();
  EXPECT_EQ(host.read_now().size(), 4096U) << "the longest line that it takes";
}

TEST_F(Interactive, a_process_without_outputs) {
  Pipes host;
  const ScratchDir dir;
  Debugger d(command({"cat"}));
  RunOptions options = pipes();
  options.stdio.out = Stream::file(dir / "out");
  options.stdio.err = Stream::null();
  const Stdio io = d.run(options);
  d.cont();
  host.type("text");
  host.end_input();
  EXPECT_EQ(io.interactive({.in = host.in(), .out = host.out()}), Interaction::ended);
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  EXPECT_EQ(read_file(dir / "out"), "text");
}

TEST_F(Interactive, a_process_without_input) {
  Pipes host;
  host.type("nobody reads that\n");
  Debugger d(program("talk", {"o:text"}));
  RunOptions options = pipes();
  options.stdio.in = Stream::null();
  const Stdio io = d.run(options);
  d.cont();
  EXPECT_EQ(io.interactive({.in = host.in(), .out = host.out()}), Interaction::ended);
  EXPECT_EQ(host.read_now(), "text");
  char left = 0;
  EXPECT_EQ(::read(host.in(), &left, 1), 1) << "and nobody took it";
}

}  // namespace
}  // namespace trapline::live
