#include "support.hpp"

namespace trapline::live {
namespace {

using Pty = Live;

RunOptions terminal(TerminalSize size = {}) {
  RunOptions options;
  options.stdio = {.in = Stream::pty(), .out = Stream::pty(), .err = Stream::pty(), .size = size, .timeout = patience};
  return options;
}

/// The terminal is for input only, so that its echo does not mix with the answers.
RunOptions terminal_input() {
  RunOptions options = terminal();
  options.stdio.out = Stream::pipe();
  options.stdio.err = Stream::null();
  return options;
}

TEST_F(Pty, all_streams_are_terminals) {
  Debugger d(program("talk", {"t:", "e:error\n", "l"}));
  const Stdio io = d.run(terminal());
  d.cont();
  EXPECT_EQ(io.recvline(), "111\r\n") << "a terminal ends its lines so";
  EXPECT_EQ(io.recvline(), "error\r\n") << "it is one stream";
  io.sendline("typed");
  EXPECT_EQ(io.recvline(), "typed\r\n") << "the echo";
  EXPECT_EQ(io.recvuntil("\r\n", {.drop = true}), "[typed]");
  EXPECT_EQ(io.recvall(), "");
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  EXPECT_THROW(static_cast<void>(io.recv()), EndOfFile);
  EXPECT_THROW(static_cast<void>(io.recverr()), UsageError);
}

TEST_F(Pty, for_stderr_only) {
  Debugger d(program("talk", {"t:", "e:error\n"}));
  RunOptions options = piped();
  options.stdio.err = Stream::pty();
  const Stdio io = d.run(options);
  d.cont();
  EXPECT_EQ(io.recverrall(), "error\r\n");
  EXPECT_EQ(io.recvall(), "1\n");
}

TEST_F(Pty, is_the_controlling_terminal_and_has_a_size) {
  for (const bool input_only : {true, false}) {
    Debugger d(program("terminal"));
    RunOptions options = input_only ? terminal_input() : terminal();
    options.stdio.size = {.rows = 33, .columns = 99};
    const Stdio io = d.run(options);
    d.cont();
    EXPECT_EQ(io.recvuntil({"\n", "\r\n"}, {.drop = true}), "size 33 99");
  }
}

TEST_F(Pty, beside_the_hosts_own_terminal) {
  // A terminal of somebody else on stdin must not be taken for the process's.
  Debugger owner(program("talk", {"o:ready", "p"}));
  const Stdio other = owner.run(terminal());
  owner.cont();
  EXPECT_EQ(other.recvn(5), "ready");
  const std::string path = "/proc/" + std::to_string(owner.pid()) + "/fd/0";
  Debugger d(program("terminal"));
  RunOptions options = terminal();
  options.stdio.in = Stream::file(path);
  const Stdio io = d.run(options);
  d.cont();
  EXPECT_EQ(io.recvline(), "size 24 80\r\n");
}

TEST_F(Pty, a_new_size_is_told_by_a_signal) {
  Debugger d(program("terminal"));
  const Stdio io = d.run(terminal_input());
  d.cont();
  EXPECT_EQ(io.recvline(), "size 24 80\n");
  io.set_terminal_size({.rows = 50, .columns = 132});
  EXPECT_EQ(io.recvline(), "size 50 132\n");
}

TEST_F(Pty, control_c_interrupts) {
  Debugger d(program("terminal"));
  const Stdio io = d.run(terminal_input());
  d.cont();
  EXPECT_EQ(io.recvline(), "size 24 80\n");
  io.send("\x03");
  EXPECT_EQ(io.recvline(), "SIGINT\n");
  io.sendline("goes on");
  EXPECT_EQ(io.recvline(), "read goes on\n");
}

TEST_F(Pty, control_d_ends_the_input) {
  Debugger d(program("terminal"));
  const Stdio io = d.run(terminal_input());
  d.cont();
  EXPECT_EQ(io.recvline(), "size 24 80\n");
  io.send("\x04");
  EXPECT_EQ(io.recvall(), "end\n");
  EXPECT_EQ(d.wait(patience).exit_code, 7);
}

TEST_F(Pty, closing_ends_the_input_also_within_a_line) {
  for (const std::string text : {"", "line\n", "begun"}) {
    Debugger d(program("terminal"));
    const Stdio io = d.run(terminal_input());
    d.cont();
    EXPECT_EQ(io.recvline(), "size 24 80\n");
    io.send(text);
    io.close();
    io.close();
    EXPECT_EQ(io.recvall(), (text.empty() ? "" : "read " + text) + "end\n");
    EXPECT_EQ(d.wait(patience).exit_code, 7);
    EXPECT_THROW(io.send("more"), UsageError);
  }
}

TEST_F(Pty, carries_much_without_a_deadlock) {
  Debugger d(command({"cat"}));
  const Stdio io = d.run(terminal_input());
  d.cont();
  // A terminal holds a few thousand bytes, and nobody asks for its echo.
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i) + " of some lines\n";
  io.send(text);
  io.close();
  EXPECT_TRUE(io.recvall() == text);
  EXPECT_EQ(d.wait(patience).exit_code, 0);
}

TEST_F(Pty, both_ways_at_once) {
  Debugger d(command({"sh", "-c", "stty -echo -onlcr; echo ready; exec cat"}));
  const Stdio io = d.run(terminal());
  d.cont();
  EXPECT_TRUE(io.recvuntil("ready\n").ends_with("ready\n"));
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i) + " of some lines\n";
  io.send(text);
  io.close();
  EXPECT_TRUE(io.recvall() == text);
  EXPECT_EQ(d.wait(patience).exit_code, 0);
}

TEST_F(Pty, what_was_buffered_outlives_the_process) {
  Debugger d(program("talk", {"o:text\n"}));
  const Stdio io = d.run(terminal());
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(io.recvall(), "text\r\n");
  EXPECT_THROW(static_cast<void>(io.recv()), EndOfFile);
  io.close();
}

TEST_F(Pty, at_rest_it_fails_like_a_pipe) {
  Debugger d(program("talk", {"p"}));
  const Stdio io = d.run(terminal());
  EXPECT_THROW(static_cast<void>(io.recv()), UsageError);
}

}  // namespace
}  // namespace trapline::live
