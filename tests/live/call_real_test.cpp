#include "support.hpp"

namespace trapline::live {
namespace {

/// Functions of programs that know nothing of us.
using CallReal = Live;

TEST_F(CallReal, python_runs_what_we_give_it) {
  if (which("python3").empty()) GTEST_SKIP() << "there is no python3";
  Debugger d(command({"python3", "-c", "import os; os.getppid(); print(answer)"}));
  // Its main thread holds the lock of the interpreter there.
  const SyscallHandler handler = d.handle_syscall("getppid");
  Stdio io = d.run(piped());
  ASSERT_EQ(next_stop(d).kind, StopKind::syscall_enter);
  if (d.symbols().find("PyRun_SimpleString").empty()) GTEST_SKIP() << "this python3 exports nothing";
  EXPECT_EQ(d.call<pid_t>("getpid"), d.pid());
  EXPECT_NE(d.call("malloc", 1000), 0U);
  EXPECT_EQ(d.call<double>("PyFloat_AsDouble", d.call("PyFloat_FromDouble", 2.75)), 2.75);
  EXPECT_EQ(d.call<int>("PyRun_SimpleString", "answer = sum(range(1000))"), 0);
  EXPECT_EQ(d.call<int>("PyRun_SimpleString",
                        "import subprocess\n"
                        "answer += len(subprocess.run(['echo', 'x'], capture_output=True).stdout)"),
            0);
  EXPECT_EQ(d.call<int>("PyRun_SimpleString",
                        "import threading\n"
                        "def more():\n"
                        "  global answer\n"
                        "  answer += 1\n"
                        "t = threading.Thread(target=more)\n"
                        "t.start()\n"
                        "t.join()"),
            0);
  handler.remove();
  d.cont();
  EXPECT_EQ(rest_of_output(io), "499503\n");
  EXPECT_EQ(d.wait(patience).exit_code, 0);
}

TEST_F(CallReal, bash_has_a_changed_environment_and_directory) {
  if (which("bash").empty()) GTEST_SKIP() << "there is no bash";
  Debugger d(command({"bash", "-c", "echo $GREETING; pwd; :"}));
  Stdio io = d.run(piped());
  EXPECT_EQ(d.call<int>("setenv", "GREETING", "hi", 1), 0);
  EXPECT_EQ(d.call<int>("puts", "put by us"), 10);
  EXPECT_EQ(d.call<int>("fflush", nullptr), 0);
  EXPECT_EQ(d.call<int>("chdir", "/usr"), 0);
  EXPECT_EQ(d.call<int>("system", "echo a shell"), 0);
  d.cont();
  EXPECT_EQ(rest_of_output(io), "put by us\na shell\nhi\n/usr\n");
  EXPECT_EQ(d.wait(patience).exit_code, 0);
}

TEST_F(CallReal, git_survives_an_abort) {
  if (which("git").empty()) GTEST_SKIP() << "there is no git";
  Debugger d(command({"git", "--version"}));
  const SyscallHandler handler = d.handle_syscall("write");
  Stdio io = d.run(piped());
  ASSERT_EQ(next_stop(d).kind, StopKind::syscall_enter);
  for (int i = 0; i < 3; ++i) EXPECT_THROW(d.call<void>("abort"), CallInterrupted);
  EXPECT_EQ(d.call("strlen", "git"), 3U);
  handler.remove();
  d.cont();
  EXPECT_TRUE(rest_of_output(io).starts_with("git version"));
  EXPECT_EQ(d.wait(patience).exit_code, 0);
}

}  // namespace
}  // namespace trapline::live
