#pragma once

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "support.hpp"

#include <fcntl.h>
#include <sys/utsname.h>

namespace trapline::live {

/// A program at rest at its entry point.
class AtEntry {
 public:
  explicit AtEntry(const char* name = "points") : debugger_(program(name)) { debugger_.run(no_stdio()); }
  Debugger* operator->() { return &debugger_; }
  Debugger& operator*() { return debugger_; }

 private:
  Debugger debugger_;
};

/// Several invocations, with and without copies.
inline void invoke_one_by_one(const Thread& t) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(t.invoke_syscall("gettid"), t.tid());
    EXPECT_EQ(t.invoke_syscall("close", -1), -EBADF);
    utsname names{};
    EXPECT_EQ(t.invoke_syscall("uname", names), 0);
    EXPECT_STREQ(names.sysname, "Linux");
  }
}

/// Some batches, with and without copies and results that are passed on.
inline void invoke_batches(const Thread& t) {
  for (int i = 0; i < 3; ++i) {
    utsname names{};
    std::array<char, 4> text{};
    const std::vector<std::int64_t> results =
        t.invoke_batch({{"gettid"},
                        {"close", -1},
                        {"uname", names},
                        {"openat", AT_FDCWD, "/proc/self/stat", O_RDONLY | O_CLOEXEC},
                        {"pread64", result_of(3), text, text.size(), 0, 0},
                        {"close", result_of(3)},
                        {"gettid"}});
    ASSERT_EQ(results.size(), 7U);
    EXPECT_EQ(results[0], t.tid());
    EXPECT_EQ(results[1], -EBADF);
    EXPECT_EQ(results[2], 0);
    EXPECT_STREQ(names.sysname, "Linux");
    EXPECT_GE(results[3], 0) << results[3];
    EXPECT_EQ(results[4], 4);
    EXPECT_EQ(std::string(text.data(), 4), std::to_string(t.pid()).append(4, ' ').substr(0, 4));
    EXPECT_EQ(results[5], 0);
    EXPECT_EQ(results[6], t.tid());
  }
}

/// In both ways, for tests of where that is possible.
inline void invoke_some(const Thread& t) {
  invoke_one_by_one(t);
  invoke_batches(t);
}

}  // namespace trapline::live
