#include "support.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

namespace trapline::live {
namespace {

using HostFilter = Live;

/// As a container does to its processes: a filter that allows everything, on this thread and what it starts.
bool filter_this_thread() {
  sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog code{1, allow};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &code) == 0;
}

bool kernel_counts_filters() { return read_file("/proc/self/status").find("Seccomp_filters:") != std::string::npos; }

TEST_F(HostFilter, is_not_taken_for_one_of_the_program) {
  if (!kernel_counts_filters()) GTEST_SKIP() << "this kernel does not tell how many filters a process has";
  ASSERT_TRUE(filter_this_thread());
  Debugger d(program("points"));
  d.run(no_stdio());
  to_announcement(d);
  // A program that may forbid us to map memory is given arguments on its stack, which has no room for this one.
  const Bytes large(32 << 20);
  EXPECT_EQ(d.invoke_syscall("write", -1, large, large.size()), -EBADF);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(HostFilter, leaves_those_of_the_program_in_force) {
  ASSERT_TRUE(filter_this_thread());
  Debugger d(program("seccomp_strict"));
  d.handle_syscall("getppid", {.on_enter = [](Thread& t, SyscallHandler&) { t.skip_syscall(3); }});
  const Finished finished = run_for_output(d);
  EXPECT_EQ(finished.status, 7) << finished.output;
}

}  // namespace
}  // namespace trapline::live
