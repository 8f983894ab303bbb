#include "support.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>

namespace trapline::live {
namespace {

using Load = Live;
using Lifetime = Live;

/// No two places of it are alike.
std::string much(std::size_t size) {
  std::string text;
  text.reserve(size + 32);
  for (std::size_t i = 0; text.size() < size; ++i) text += std::to_string(i) + ",";
  text.resize(size);
  return text;
}

TEST_F(Load, eight_megabytes_each_way_by_one_thread) {
  Debugger d(command({"cat"}));
  const Stdio io = d.run(piped());
  d.cont();
  const std::string text = much(8 << 20);
  io.send(text);
  io.close();
  EXPECT_TRUE(io.recvall() == text);
  EXPECT_EQ(d.wait(patience).exit_code, 0);
}

TEST_F(Load, eight_megabytes_each_way_while_handlers_stop_the_process) {
  Debugger d(command({"cat"}));
  const Stdio io = d.run(piped());
  const SyscallHandler counted = d.handle_syscall("read", {.on_enter = [](Thread&, SyscallHandler&) {}});
  d.handle_syscall("write");
  d.cont();
  const std::string text = much(8 << 20);
  std::thread sender([&] {
    io.send(text, {.wait_while_stopped = true});
    io.close();
  });
  std::string received;
  std::thread receiver([&] { received = io.recvall({.wait_while_stopped = true}); });
  std::size_t stops = 0;
  while (d.wait(patience).kind != StopKind::exited) {
    ++stops;
    d.cont();
  }
  sender.join();
  receiver.join();
  EXPECT_TRUE(received == text);
  EXPECT_GE(stops, 8U);
  EXPECT_GE(counted.hit_count(), 4U);
}

TEST_F(Load, both_outputs_at_once) {
  Debugger d(command({"sh", "-c", "head -c 4000000 /dev/zero >&2; head -c 4000000 /dev/zero"}));
  const Stdio io = d.run({.stdio = {.timeout = patience}});
  d.cont();
  EXPECT_EQ(io.recvall().size(), 4'000'000U);
  EXPECT_EQ(io.recverrall().size(), 4'000'000U);
}

TEST_F(Load, many_lines_of_much_that_is_buffered) {
  Debugger d(command({"cat"}));
  const Stdio io = d.run(piped());
  d.cont();
  std::string text;
  constexpr int count = 200'000;
  for (int i = 0; i < count; ++i) text += std::to_string(i) + " is the number\n";
  io.send(text);
  io.close();
  for (int i = 0; i < count; ++i) ASSERT_EQ(io.recvuntil({"never", "\n"}), std::to_string(i) + " is the number\n");
}

TEST_F(Load, what_one_call_sends_stays_together) {
  Debugger d(command({"cat"}));
  const Stdio io = d.run(piped());
  d.cont();
  constexpr std::size_t length = 300'000;
  std::vector<std::thread> senders;
  for (const char letter : {'a', 'b', 'c', 'd'}) {
    senders.emplace_back([&io, letter] { io.sendline(std::string(length, letter)); });
  }
  for (int i = 0; i < 4; ++i) {
    const std::string line = io.recvline({.drop = true});
    EXPECT_EQ(line, std::string(length, line.empty() ? '?' : line[0]));
  }
  for (std::thread& sender : senders) sender.join();
}

TEST_F(Load, threads_that_each_receive_one_stream_do_not_miss_what_another_one_read) {
  Debugger d(program("talk", {}));
  std::vector<std::string> steps;
  for (int i = 0; i < 400; ++i) steps.insert(steps.end(), {"l", "e:error\n"});
  d.set_argv({tracee("talk")});
  std::vector<std::string> argv = d.argv();
  argv.insert(argv.end(), steps.begin(), steps.end());
  d.set_argv(argv);
  const Stdio io = d.run({.stdio = {.timeout = patience}});
  d.cont();
  std::thread errors([&] {
    for (int i = 0; i < 400; ++i) ASSERT_EQ(io.recverrline(), "error\n");
  });
  for (int i = 0; i < 400; ++i) {
    io.sendline("x");
    ASSERT_EQ(io.recvline(), "[x]\n");
  }
  errors.join();
}

TEST_F(Load, threads_that_share_one_stream_get_each_line_once) {
  Debugger d(command({"seq", "1", "20000"}));
  const Stdio io = d.run(piped());
  d.cont();
  std::atomic<long> sum = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      try {
        for (;;) sum += std::stol(io.recvline());
      } catch (const EndOfFile&) {
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(sum, 20000L * 20001 / 2);
}

TEST_F(Load, closing_wakes_a_sender) {
  Debugger d(program("talk", {"p"}));
  const Stdio io = d.run(piped());
  d.cont();
  std::thread sender([&] { EXPECT_THROW(io.send(std::string(1 << 20, 'x')), UsageError); });
  EXPECT_TRUE(eventually([&] {
    // The first thread that sleeps in poll is the sender: the tracer sleeps in waitpid.
    try {
      io.send("x", {.timeout = 0ms});
    } catch (const TimedOut&) {
      return true;
    }
    return false;
  }));
  io.close();
  sender.join();
}

TEST_F(Lifetime, streams_outlive_the_debugger) {
  std::optional<Stdio> io;
  {
    Debugger d(program("talk", {"o:text", "e:done", "p"}));
    io = d.run({.stdio = {.timeout = patience}});
    d.cont();
    EXPECT_EQ(io->recvnerr(4), "done");
  }
  EXPECT_EQ(io->recvall(), "text");
  EXPECT_THROW(static_cast<void>(io->recv()), EndOfFile);
  EXPECT_THROW(io->send("text"), EndOfFile);
  io->close();
}

TEST_F(Lifetime, a_process_that_was_let_go_can_still_be_talked_to) {
  std::optional<Stdio> io;
  pid_t pid = 0;
  {
    DebuggerOptions options = program("talk", {"o:ready", "l"});
    options.kill_on_exit = false;
    Debugger d(options);
    io = d.run(piped());
    d.cont();
    EXPECT_EQ(io->recvn(5), "ready");
    pid = d.pid();
  }
  EXPECT_FALSE(gone(pid));
  io->sendline("still");
  EXPECT_EQ(io->recvall(), "[still]\n");
}

TEST_F(Lifetime, each_run_has_streams_of_its_own) {
  Debugger d(program("talk", {"o:text", "a:1", "p"}));
  const Stdio first = d.run(piped());
  to_announcement(d);
  const Stdio second = d.run(piped());
  EXPECT_EQ(first.recvall(), "text");
  EXPECT_THROW(first.send("x"), EndOfFile);
  EXPECT_THROW(static_cast<void>(second.recv()), UsageError);
  d.cont();
  EXPECT_EQ(second.recvn(4), "text");
  EXPECT_THROW(static_cast<void>(d.stdio().recv(1, {.timeout = 0ms})), TimedOut) << "the second one's";
}

TEST_F(Lifetime, an_earlier_runs_streams_do_not_stop_with_a_later_process) {
  DebuggerOptions options = program("talk", {"f"});
  // The next run would end those that are followed.
  options.follow_children = false;
  Debugger d(options);
  const Stdio first = d.run(piped());
  const Stop stop = run_out(d);
  EXPECT_EQ(stop.exit_code, 0);
  // Its child holds the stream open.
  const pid_t keeper = static_cast<pid_t>(std::stol(first.recvline()));
  const Stdio second = d.run(no_stdio());
  EXPECT_THROW(static_cast<void>(first.recv(1, {.timeout = 20ms})), TimedOut)
      << "the second process is at rest, not the first";
  ::kill(keeper, SIGKILL);
  EXPECT_THROW(static_cast<void>(first.recv()), EndOfFile);
}

}  // namespace
}  // namespace trapline::live
