#pragma once

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "support.hpp"

namespace trapline::live {

inline void nothing(Thread&, SyscallHandler&) {}

inline DebuggerOptions storm(std::vector<std::string> args) {
  DebuggerOptions options = program("filter_storm", std::move(args));
  options.syscall_filter = true;
  return options;
}

inline int filters_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Seccomp_filters:\t")) return std::stoi(line.substr(17));
  }
  return 0;
}

/// Seccomp filters of ours under attack: everything has to be as without them.
class FilterStorm : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    if (read_file("/proc/self/status").find("Seccomp_filters:") == std::string::npos) {
      GTEST_SKIP() << "the kernel does not count filters";
    }
  }
};

}  // namespace trapline::live
