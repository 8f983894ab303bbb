#include "support.hpp"

#include <algorithm>
#include <mutex>

namespace trapline::live {
namespace {

/// What the library says at the end about what never came.
class Hints : public Live {
 protected:
  Hints() {
    set_log_sink(
        [this](LogCategory category, std::string_view line) {
          const std::lock_guard lock(mutex_);
          EXPECT_EQ(category, LogCategory::hint);
          lines_.emplace_back(line);
        },
        {LogCategory::hint});
  }
  ~Hints() override { set_log_sink({}); }

  [[nodiscard]] std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  [[nodiscard]] std::string only_line() {
    const auto all = lines();
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? "" : all.front();
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

SyscallOptions quietly() {
  return {.on_enter = [](Thread&, SyscallHandler&) {}};
}

TEST_F(Hints, another_syscall_came_instead) {
  Debugger d(program("clock"));
  d.handle_syscall("open", quietly());
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(only_line(), "open was never called, but openat was: name it too");
}

TEST_F(Hints, none_when_it_came_or_the_other_is_handled_too) {
  Debugger d(program("clock"));
  d.handle_syscall({"open", "openat"}, quietly());
  d.handle_syscall("all", quietly());
  d.handle_syscall("%file", quietly());
  const SyscallHandler removed = d.handle_syscall("open", quietly());
  removed.remove();
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_TRUE(lines().empty()) << lines().front();
}

TEST_F(Hints, the_vdso_was_asked) {
  for (const bool vdso : {true, false}) {
    DebuggerOptions options = program("clock");
    options.vdso = vdso;
    Debugger d(std::move(options));
    d.handle_syscall("gettimeofday", quietly());
    EXPECT_EQ(run_to_exit(d), 0);
    const auto all = lines();
    ASSERT_FALSE(all.empty());
    EXPECT_NE(all.front().find("vdso = false"), std::string::npos);
    // An i386 C library makes another call of it.
    const auto says_it = [](const std::string& line) { return line.find("vDSO") != std::string::npos; };
    EXPECT_EQ(std::ranges::count_if(all, says_it), 1) << "only with the vDSO";
  }
}

TEST_F(Hints, a_breakpoint_that_waited_to_the_end) {
  Debugger d(program("clock"));
  d.breakpoint("no_such_function", {.pending = true});
  d.breakpoint(Location("plugin_function").in("plugin.so"), {.pending = true});
  d.breakpoint("main", {.callback = [](Thread&, Breakpoint&) {}});
  EXPECT_EQ(run_to_exit(d), 0);
  const auto all = lines();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_NE(all.front().find("no_such_function"), std::string::npos);
}

TEST_F(Hints, once_for_each_run_and_at_a_detach) {
  Debugger d(program("clock"));
  d.handle_syscall("open", quietly());
  for (std::size_t run = 1; run <= 2; ++run) {
    EXPECT_EQ(run_to_exit(d), 0);
    EXPECT_EQ(lines().size(), run);
  }
  d.run(no_stdio());
  to_announcement(d);
  to_announcement(d);
  d.detach();
  EXPECT_EQ(lines().size(), 3U);
}

TEST_F(Hints, of_a_tree_are_said_by_its_root) {
  DebuggerOptions options = command({"sh", "-c", R"("$0"; "$0"; :)", tracee("clock")});
  options.inherit_traps = true;
  Debugger d(std::move(options));
  d.handle_syscall("creat", quietly());
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(only_line(), "creat was never called, but openat was: name it too");
}

TEST_F(Hints, what_is_observed_only) {
  Debugger d(program("clock"));
  const Observation observation =
      d.observe({.syscalls = "open", .on_syscall_enter = [](Thread&, const SyscallRecord&) {}});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(only_line(), "open was never called, but openat was: name it too");
}

}  // namespace
}  // namespace trapline::live
