#include "support.hpp"

#include <map>
#include <mutex>

namespace trapline::live {
namespace {

/// What the library says of its work, by category.
class LogOf : public Live {
 protected:
  LogOf() {
    set_log_sink([this](LogCategory category, std::string_view line) {
      const std::lock_guard lock(mutex_);
      lines_[category] += std::string(line) + "\n";
    });
  }
  ~LogOf() override { set_log_sink({}); }

  [[nodiscard]] bool says(LogCategory category, const std::string& text) {
    const std::lock_guard lock(mutex_);
    return lines_[category].find(text) != std::string::npos;
  }
  [[nodiscard]] std::string all() {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& entry : lines_) text += entry.second;
    return text;
  }

 private:
  std::mutex mutex_;
  std::map<LogCategory, std::string> lines_;
};

TEST_F(LogOf, each_category_tells_of_a_run) {
  Debugger d(program("echo"));
  d.handle_syscall("read", {.on_exit = [](Thread&, SyscallHandler&) {}});
  Stdio io = d.run(piped());
  const std::string pid = std::to_string(d.pid());
  EXPECT_EQ(d.invoke_syscall("getpid"), d.pid());
  d.cont();
  EXPECT_EQ(read_line(io), "ready");
  io.send("a");
  io.close();
  EXPECT_EQ(rest_of_output(io), "b");
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  EXPECT_TRUE(says(LogCategory::process, "launched process " + pid));
  EXPECT_TRUE(says(LogCategory::process, "process " + pid + " is dead"));
  EXPECT_TRUE(says(LogCategory::event, "thread " + pid + ": the syscall stop"));
  EXPECT_TRUE(says(LogCategory::event, "thread " + pid + ": exited with 0"));
  EXPECT_TRUE(says(LogCategory::syscall, "thread " + pid + " enters read; handlers: 1"));
  EXPECT_TRUE(says(LogCategory::syscall, "thread " + pid + " leaves read = 1; handlers: 1"));
  EXPECT_TRUE(says(LogCategory::invoke, "thread " + pid + " executed getpid = " + pid));
  EXPECT_TRUE(says(LogCategory::stdio, "sent 1 bytes"));
  EXPECT_TRUE(says(LogCategory::stdio, "received 6 bytes"));
  if (HasFailure()) ADD_FAILURE() << all();
}

TEST_F(LogOf, a_trap_that_waits) {
  Debugger d(program("echo"));
  d.run(no_stdio());
  const Breakpoint misspelt = d.breakpoint(Location("malloc").in("libx"), {.callback = [](Thread&, Breakpoint&) {}});
  EXPECT_FALSE(misspelt.armed());
  EXPECT_TRUE(says(LogCategory::process, "waits for a library")) << all();
  d.kill();
}

TEST_F(LogOf, attaching_and_letting_go) {
  HostChild child({tracee("echo")});
  ASSERT_EQ(child.read_line(), "ready");
  Debugger d(DebuggerOptions{});
  d.attach(child.pid());
  d.detach();
  EXPECT_TRUE(says(LogCategory::process, "attached to process " + std::to_string(child.pid())));
  EXPECT_TRUE(says(LogCategory::process, "let process " + std::to_string(child.pid()) + " go"));
}

}  // namespace
}  // namespace trapline::live
