#include "support.hpp"

#include <csignal>
#include <ctime>
#include <numeric>
#include <thread>

namespace trapline::live {
namespace {

using namespace std::string_view_literals;

/// A program that takes the steps given (talk.c), with pipes on all its streams.
class Talk {
 public:
  explicit Talk(std::vector<std::string> steps, const RunOptions& options = {})
      : debugger(program("talk", std::move(steps))), io(debugger.run(options)) {
    io.set_timeout(patience);
  }
  Debugger debugger;
  Stdio io;
};

using Steps = std::vector<std::string>;

/// One that runs already.
class Running : public Talk {
 public:
  explicit Running(Steps steps) : Talk(std::move(steps)) { debugger.cont(); }
};

using Receive = Live;
using Send = Live;
using Timeouts = Live;
using AtRest = Live;
using EndOfStream = Live;

TEST_F(Receive, some_bytes_at_most_so_many) {
  const Running talk({"o:hello", "p"});
  EXPECT_EQ(talk.io.recv(2), "he");
  EXPECT_EQ(talk.io.recv(), "llo");
  EXPECT_EQ(talk.io.recv(0), "");
}

TEST_F(Receive, exactly_so_many) {
  const Running talk({"s:0123456789", "p"});
  EXPECT_EQ(talk.io.recvn(0), "");
  EXPECT_EQ(talk.io.recvn(4), "0123");
  EXPECT_EQ(talk.io.recvn(6), "456789");
}

TEST_F(Receive, up_to_a_delimiter_and_not_further) {
  const Running talk({"o:name: password: ", "p"});
  EXPECT_EQ(talk.io.recvuntil(": "), "name: ");
  EXPECT_EQ(talk.io.recvuntil(": ", {.drop = true}), "password");
}

TEST_F(Receive, the_delimiter_that_ends_first) {
  const Running talk({"o:root# user$ \r\nmore\n", "p"});
  EXPECT_EQ(talk.io.recvuntil({"$ ", "# "}), "root# ");
  EXPECT_EQ(talk.io.recvuntil({"$ ", "# "}, {.drop = true}), "user");
  EXPECT_EQ(talk.io.recvuntil({"\n", "\r\n"}, {.drop = true}), "") << "the longer of two that end together";
  EXPECT_EQ(talk.io.recvuntil(Steps{"\n"}), "more\n");
}

TEST_F(Receive, the_nth_delimiter) {
  const Running talk({"o:a,b;c,d,e", "p"});
  EXPECT_EQ(talk.io.recvuntil({",", ";"}, {.occurrences = 3}), "a,b;c,");
  EXPECT_EQ(talk.io.recvuntil(",", {.drop = true}), "d");
}

TEST_F(Receive, a_delimiter_that_arrives_byte_by_byte) {
  const Running talk({"s:some stst stopped", "p"});
  EXPECT_EQ(talk.io.recvuntil("stop"), "some stst stop");
  EXPECT_EQ(talk.io.recvuntil("ped"), "ped");
}

TEST_F(Receive, no_delimiter_is_an_error) {
  const Running talk({"p"});
  EXPECT_THROW(talk.io.recvuntil(""), UsageError);
  EXPECT_THROW(static_cast<void>(talk.io.recvuntil(Steps{})), UsageError);
}

TEST_F(Receive, lines) {
  const Running talk({"o:one\n\ntwo\nlast"});
  EXPECT_EQ(talk.io.recvline(), "one\n");
  EXPECT_EQ(talk.io.recvline(), "\n");
  EXPECT_EQ(talk.io.recvline({.drop = true}), "two");
  EXPECT_EQ(talk.io.recvline({.drop = true}), "last") << "the last one may lack its newline";
  EXPECT_THROW(talk.io.recvline(), EndOfFile);
}

TEST_F(Receive, a_very_long_line) {
  const Running talk({"x:5000000", "o:\nshort\n"});
  const std::string line = talk.io.recvline();
  EXPECT_EQ(line.size(), 5'000'001U);
  EXPECT_EQ(line.find_first_not_of('x'), 5'000'000U);
  EXPECT_EQ(talk.io.recvline(), "short\n");
}

TEST_F(Receive, all_bytes_as_they_are) {
  const Running talk({"b", "b"});
  std::string bytes(256, '\0');
  std::iota(bytes.begin(), bytes.end(), '\0');
  using namespace std::string_literals;
  EXPECT_EQ(talk.io.recvuntil("\0\x01"s), "\0\x01"s);
  EXPECT_EQ(talk.io.recvuntil("\xff\0"s, {.drop = true}), bytes.substr(2, 253));
  EXPECT_EQ(talk.io.recvall(), bytes.substr(1));
}

TEST_F(Receive, stderr_is_a_stream_of_its_own) {
  const Running talk({"o:out", "e:0123 name: line\ntwo,three,rest", "o:put"});
  EXPECT_EQ(talk.io.recverr(2), "01");
  EXPECT_EQ(talk.io.recvnerr(3), "23 ");
  EXPECT_EQ(talk.io.recverruntil(": "), "name: ");
  EXPECT_EQ(talk.io.recverrline(), "line\n");
  EXPECT_EQ(talk.io.recverruntil(",", {.drop = true, .occurrences = 2}), "two,three");
  EXPECT_EQ(talk.io.recverrall(), "rest");
  EXPECT_EQ(talk.io.recvall(), "output");
}

TEST_F(Receive, from_a_process_that_writes_without_end) {
  const Running talk({"y"});
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(talk.io.recvline(), "endless\n");
  EXPECT_THROW(talk.io.recvuntil("never", {.timeout = 50ms}), TimedOut);
  EXPECT_EQ(talk.io.recvline(), "endless\n");
}

TEST_F(Send, answers_prompts) {
  Running talk({"o:first? ", "l", "o:second? ", "l"});
  EXPECT_EQ(talk.io.sendlineafter("? ", "one"), "first? ");
  EXPECT_EQ(talk.io.recvline(), "[one]\n");
  EXPECT_EQ(talk.io.sendafter({"! ", "? "}, "tw", {.drop = true}), "second");
  talk.io.send("o\n");
  EXPECT_EQ(talk.io.recvall(), "[two]\n");
  EXPECT_EQ(talk.debugger.wait(patience).exit_code, 0);
}

TEST_F(Send, before_the_process_reads) {
  Talk talk({"l", "l"});
  talk.io.sendline("early");
  talk.io.sendline("");
  talk.debugger.cont();
  EXPECT_EQ(talk.io.recvall(), "[early]\n[]\n");
}

TEST_F(Send, closing_ends_the_input) {
  Debugger d(command({"cat"}));
  const Stdio io = d.run(piped());
  d.cont();
  io.send("text\0with nul"sv);
  io.close();
  EXPECT_EQ(io.recvall(), "text\0with nul"sv);
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  io.close();
  EXPECT_NE(message_of<UsageError>([&] { io.send("more"); }).find("closed"), std::string::npos);
}

TEST_F(Send, to_a_process_that_reads_no_more) {
  const Running talk({"c:0", "o:closed\n", "p"});
  EXPECT_EQ(talk.io.recvline(), "closed\n");
  EXPECT_NE(message_of<EndOfFile>([&] { talk.io.send("text"); }).find("0 of 4 bytes"), std::string::npos);
  sigset_t pending{};
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
}

TEST_F(Send, keeps_a_sigpipe_that_was_pending_before) {
  const Running talk({"c:0", "o:closed\n", "p"});
  EXPECT_EQ(talk.io.recvline(), "closed\n");
  sigset_t pipe{};
  sigset_t before{};
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  raise(SIGPIPE);
  EXPECT_THROW(talk.io.send("text"), EndOfFile);
  const timespec at_once{};
  EXPECT_EQ(sigtimedwait(&pipe, nullptr, &at_once), SIGPIPE);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(Timeouts, leave_the_process_running_and_its_text_readable) {
  Running talk({"o:partial", "l"});
  for (int i = 0; i < 2; ++i) {
    const std::string why = message_of<TimedOut>([&] { talk.io.recvuntil("\n", {.timeout = 30ms}); });
    EXPECT_NE(why.find("in the time given"), std::string::npos) << why;
  }
  EXPECT_TRUE(talk.debugger.running());
  EXPECT_EQ(talk.io.recvn(7), "partial");
  talk.io.sendline("go");
  EXPECT_EQ(talk.io.recvline(), "[go]\n");
}

TEST_F(Timeouts, say_what_is_buffered) {
  const Running talk({"o:half a li", "p"});
  EXPECT_EQ(talk.io.recvn(5), "half ");
  const std::string why = message_of<TimedOut>([&] { talk.io.recvline({.timeout = 0ms}); });
  EXPECT_NE(why.find("\"a li\" is buffered"), std::string::npos) << why;
}

TEST_F(Timeouts, have_a_default_that_can_be_set) {
  RunOptions options;
  options.stdio.timeout = 20ms;
  Debugger d(program("talk", {"p"}));
  const Stdio io = d.run(options);
  d.cont();
  const auto time_of = [](const std::function<void()>& call) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THROW(call(), TimedOut);
    return std::chrono::steady_clock::now() - begin;
  };
  EXPECT_GE(time_of([&] { static_cast<void>(io.recv()); }), 20ms);
  io.set_timeout(60ms);
  EXPECT_GE(time_of([&] { static_cast<void>(io.recverr()); }), 60ms);
  EXPECT_LT(time_of([&] { static_cast<void>(io.recvall({.timeout = 0ms})); }), 60ms);
}

TEST_F(Timeouts, concern_sending_too) {
  const Running talk({"p"});
  const std::string why = message_of<TimedOut>([&] { talk.io.send(std::string(4 << 20, 'x'), {.timeout = 50ms}); });
  EXPECT_NE(why.find("of 4194304 bytes were sent"), std::string::npos) << why;
  EXPECT_TRUE(talk.debugger.running());
}

TEST_F(AtRest, receiving_fails_at_once_and_says_why) {
  Talk talk({"o:text", "a:1", "p"});
  const auto why_not = [&] { return message_of<UsageError>([&] { static_cast<void>(talk.io.recv()); }); };
  EXPECT_NE(why_not().find("the process is stopped"), std::string::npos);
  to_announcement(talk.debugger);
  EXPECT_EQ(talk.io.recv(), "text") << "what is buffered can be read";
  EXPECT_NE(why_not().find("call cont() first"), std::string::npos);
  EXPECT_THROW(talk.io.recverrline(), UsageError);
}

TEST_F(AtRest, a_receiver_learns_that_the_process_stops) {
  Talk talk({"o:half", "a:1", "p"});
  const SyscallHandler handler = talk.debugger.handle_syscall(announcement);
  talk.debugger.cont();
  const std::string why = message_of<UsageError>([&] { talk.io.recvline(); });
  EXPECT_NE(why.find("\"half\" is buffered"), std::string::npos) << why;
  EXPECT_EQ(talk.debugger.wait(patience).kind, StopKind::syscall_enter);
  EXPECT_EQ(talk.io.recvn(4), "half");
}

TEST_F(AtRest, a_stop_at_the_moment_of_falling_asleep_is_not_missed) {
  constexpr int stops = 2000;
  Steps steps;
  for (int i = 0; i < stops / 2; ++i) steps.push_back("a:1");
  Talk talk(steps);
  talk.debugger.handle_syscall(announcement);
  for (int i = 0; i < stops; ++i) {
    talk.debugger.cont();
    // The moment moves over all that the receiver does before it sleeps.
    const auto begin = std::chrono::steady_clock::now() + std::chrono::nanoseconds(200 * (i % 200));
    while (std::chrono::steady_clock::now() < begin) continue;
    ASSERT_THROW(static_cast<void>(talk.io.recv()), UsageError) << i;
    talk.debugger.wait(patience);
  }
}

TEST_F(AtRest, waits_when_told_to) {
  Talk talk({"o:text\n", "p"});
  EXPECT_THROW(static_cast<void>(talk.io.recv(1, {.timeout = 20ms, .wait_while_stopped = true})), TimedOut);
  std::thread other([&] { talk.debugger.cont(); });
  EXPECT_EQ(talk.io.recvline({.wait_while_stopped = true}), "text\n");
  other.join();
}

TEST_F(AtRest, sending_fails_once_stdin_is_full) {
  Talk talk({"p"});
  talk.io.send("fits");
  const std::string why = message_of<UsageError>([&] { talk.io.send(std::string(1 << 20, 'x')); });
  EXPECT_NE(why.find("stopped and its stdin is full"), std::string::npos) << why;
}

TEST_F(EndOfStream, is_neither_a_timeout_nor_a_stop) {
  Running talk({"o:rest", "e:"});
  EXPECT_EQ(talk.debugger.wait(patience).exit_code, 0);
  const std::string why = message_of<EndOfFile>([&] { talk.io.recvuntil("\n"); });
  EXPECT_NE(why.find("\"rest\" is buffered"), std::string::npos) << why;
  EXPECT_THROW(static_cast<void>(talk.io.recvn(5)), EndOfFile);
  EXPECT_EQ(talk.io.recv(), "rest");
  EXPECT_THROW(static_cast<void>(talk.io.recv()), EndOfFile);
  EXPECT_THROW(static_cast<void>(talk.io.recverr()), EndOfFile);
  EXPECT_EQ(talk.io.recvall(), "");
  EXPECT_EQ(talk.io.recverrall(), "");
}

TEST_F(EndOfStream, may_come_while_the_process_lives) {
  const Running talk({"o:last", "c:1", "e:on", "p"});
  EXPECT_EQ(talk.io.recvall(), "last");
  EXPECT_THROW(static_cast<void>(talk.io.recv()), EndOfFile);
  EXPECT_EQ(talk.io.recvnerr(2), "on");
}

TEST_F(EndOfStream, leaves_what_was_written_before_a_violent_death) {
  Running talk({"o:text", "e:x", "p"});
  EXPECT_EQ(talk.io.recvnerr(1), "x");
  talk.debugger.kill();
  EXPECT_EQ(talk.io.recvall(), "text");
  EXPECT_THROW(talk.io.send("text"), EndOfFile);
}

}  // namespace
}  // namespace trapline::live
