#include "support.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace trapline::live {
namespace {

using Streams = Live;

/// Puts a descriptor in the place of one of the host's own for a while.
class Replaced {
 public:
  Replaced(int fd, int by) : fd_(fd), kept_(::fcntl(fd, F_DUPFD_CLOEXEC, 100)) {
    if (by < 0) {
      ::close(fd);
    } else {
      ::dup2(by, fd);
    }
  }
  ~Replaced() {
    ::dup2(kept_, fd_);
    ::close(kept_);
  }
  Replaced(const Replaced&) = delete;
  Replaced& operator=(const Replaced&) = delete;

 private:
  int fd_;
  int kept_;
};

RunOptions with(StdioOptions stdio) {
  stdio.timeout = patience;
  RunOptions options;
  options.stdio = std::move(stdio);
  return options;
}

int run_talk(const std::vector<std::string>& steps, const StdioOptions& stdio) {
  Debugger d(program("talk", steps));
  d.run(with(stdio));
  return run_out(d).exit_code.value_or(-1);
}

TEST_F(Streams, files) {
  const ScratchDir dir;
  const std::string in = dir.file("in", "from a file\n");
  const std::string out = dir.file("out", "longer than what is written to it");
  const std::string err = dir / "err";
  EXPECT_EQ(run_talk({"l", "e:error"}, {.in = Stream::file(in), .out = Stream::file(out), .err = Stream::file(err)}),
            0);
  EXPECT_EQ(read_file(out), "[from a file]\n");
  EXPECT_EQ(read_file(err), "error");
}

TEST_F(Streams, files_written_at_their_end) {
  const ScratchDir dir;
  const std::string log = dir.file("log", "before|");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(run_talk({"o:out|", "e:err|"}, {.out = Stream::appended(log), .err = Stream::appended(log)}), 0);
  }
  EXPECT_EQ(read_file(log), "before|out|err|out|err|");
}

TEST_F(Streams, one_file_for_both_outputs_keeps_their_order) {
  const ScratchDir dir;
  const std::string log = dir / "log";
  EXPECT_EQ(run_talk({"o:one|", "e:two|", "o:three"}, {.out = Stream::file(log), .err = Stream::file(log)}), 0);
  EXPECT_EQ(read_file(log), "one|two|three");
}

TEST_F(Streams, a_file_that_cannot_be_opened) {
  Debugger d(program("talk"));
  const std::string why = message_of<OsError>([&] { d.run(with({.in = Stream::file("/no/such/file")})); });
  EXPECT_NE(why.find("/no/such/file"), std::string::npos) << why;
  EXPECT_EQ(run_to_exit(d), 0);
}

TEST_F(Streams, null) {
  EXPECT_EQ(run_talk({"o:lost", "e:lost"}, {.in = Stream::null(), .out = Stream::null(), .err = Stream::null()}), 0);
  Debugger d(command({"cat"}));
  const Stdio io = d.run(with({.in = Stream::null()}));
  d.cont();
  EXPECT_EQ(io.recvall(), "") << "its input has ended at once";
}

TEST_F(Streams, inherited_ones_are_the_hosts) {
  const ScratchDir dir;
  const int in = ::open(dir.file("in", "host line\n").c_str(), O_RDONLY | O_CLOEXEC);
  const int out = ::open((dir / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const int err = ::open((dir / "err").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  {
    const Replaced replaced_in(0, in);
    const Replaced replaced_out(1, out);
    const Replaced replaced_err(2, err);
    Debugger d(program("talk", {"l", "e:error"}));
    d.run(inherited());
    d.cont();
    d.wait(patience);
  }
  for (const int fd : {in, out, err}) ::close(fd);
  EXPECT_EQ(read_file(dir / "out"), "[host line]\n");
  EXPECT_EQ(read_file(dir / "err"), "error");
}

TEST_F(Streams, some_of_each_kind) {
  const ScratchDir dir;
  Debugger d(program("talk", {"t:", "l", "e:error"}));
  const Stdio io = d.run(with({.in = Stream::pipe(), .out = Stream::pty(), .err = Stream::file(dir / "err")}));
  d.cont();
  io.sendline("line");
  EXPECT_EQ(io.recvall(), "10\r\n[line]\r\n");
  EXPECT_EQ(read_file(dir / "err"), "error");
}

TEST_F(Streams, that_are_not_ours_cannot_be_read_or_written) {
  Debugger d(program("talk", {"p"}));
  const Stdio io = d.run(no_stdio());
  EXPECT_NE(message_of<UsageError>([&] { static_cast<void>(io.recv()); }).find("stdout"), std::string::npos);
  EXPECT_NE(message_of<UsageError>([&] { static_cast<void>(io.recverr()); }).find("stderr"), std::string::npos);
  EXPECT_THROW(io.send("text"), UsageError);
  EXPECT_THROW(io.set_terminal_size({}), UsageError);
  io.close();
}

TEST_F(Streams, none_before_the_first_run) {
  const Debugger d(program("talk"));
  EXPECT_THROW(static_cast<void>(d.stdio()), UsageError);
}

TEST_F(Streams, the_process_gets_no_other_descriptor) {
  for (const Stream& stream : {Stream::pipe(), Stream::pty(), Stream::null()}) {
    Debugger d(program("show", {"descriptors"}));
    const Stdio io = d.run(with({.in = stream, .out = Stream::pipe(), .err = stream}));
    d.cont();
    EXPECT_EQ(io.recvall(), "0 1 2 \n");
  }
}

TEST_F(Streams, a_host_without_stdio_of_its_own) {
  const Replaced no_in(0, -1);
  const Replaced no_out(1, -1);
  std::string said;
  bool still_closed = false;
  {
    Debugger d(program("show", {"descriptors"}));
    const Stdio io = d.run(with({.in = Stream::pipe(), .out = Stream::pipe(), .err = Stream::inherit()}));
    still_closed = ::fcntl(1, F_GETFD) == -1;
    d.cont();
    said = io.recvall();
  }
  EXPECT_EQ(said, "0 1 2 \n");
  EXPECT_TRUE(still_closed) << "what the host prints would go into a pipe of ours";
}

TEST_F(Streams, of_which_nothing_is_left) {
  const Stream kinds[] = {Stream::pipe(), Stream::pty(), Stream::null()};
  const Holdings before = Holdings::now();
  {
    Debugger d(program("talk", {"o:text", "e:text"}));
    for (unsigned i = 0; i < 50; ++i) {
      const Stdio io = d.run(with({.in = kinds[i % 3], .out = kinds[i % 2], .err = kinds[i / 3 % 2]}));
      d.cont();
      EXPECT_TRUE(io.recvall().starts_with("text"));
      d.wait(patience);
    }
  }
  EXPECT_TRUE(nothing_left_since(before)) << before << " before, " << Holdings::now() << " now";
}

}  // namespace
}  // namespace trapline::live
