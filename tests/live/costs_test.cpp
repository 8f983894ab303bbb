// What an event costs, counted: the requests to the kernel, allocations and locks of a host's tracer thread. The host
// is itself debugged for that.
#include <linux/ptrace.h>

#include <map>
#include <string>

#include "counting.hpp"
#include "support.hpp"

namespace trapline::live {
namespace {

struct Costs {
  /// By names, for one event.
  std::map<std::string, std::size_t> calls;
  std::string memory_and_locks;
};

std::string request_name(std::uint64_t request) {
  static const std::map<std::uint64_t, std::string> names{
      {PTRACE_PEEKUSR, "PEEKUSER"},
      {PTRACE_POKEUSR, "POKEUSER"},
      {PTRACE_CONT, "CONT"},
      {PTRACE_SYSCALL, "SYSCALL"},
      {PTRACE_SYSEMU, "SYSEMU"},
      {PTRACE_GETREGSET, "GETREGSET"},
      {PTRACE_GETSIGINFO, "GETSIGINFO"},
      {PTRACE_GET_SYSCALL_INFO, "GET_SYSCALL_INFO"},
  };
  const auto found = names.find(request);
  return "ptrace " + (found == names.end() ? std::to_string(request) : found->second);
}

Costs costs_of(const std::string& path) {
  HostChild host({tracee("host_counting"), path});
  const pid_t tracer = std::stoi(host.read_line());
  bool counting = false;
  std::map<std::string, std::size_t> sums;
  Debugger d({.kill_on_exit = true});
  d.attach(host.pid());
  d.handle_syscall("all", {.on_enter = [&](Thread& thread, SyscallHandler&) {
                     if (thread.tid() != tracer) return;
                     const std::string name(syscall_name(Abi::amd64, thread.syscall_number()));
                     if (name == "getpgrp") {
                       counting = !counting;
                     } else if (counting) {
                       ++sums[name == "ptrace" ? request_name(thread.syscall_arg(0)) : name];
                     }
                   }});
  d.cont();
  host.send("\n");
  Costs costs{.calls = {}, .memory_and_locks = host.read_line()};
  EXPECT_EQ(d.wait().kind, StopKind::exited);
  for (const auto& [name, sum] : sums) {
    EXPECT_EQ(sum % counted_events, 0U) << name << ": " << sum;
    costs.calls[name] = sum / counted_events;
  }
  return costs;
}

using Calls = std::map<std::string, std::size_t>;

struct Path {
  std::string name;
  Calls calls;
  friend std::ostream& operator<<(std::ostream& out, const Path& path) { return out << path.name; }
};

class CostsOf : public Live, public testing::WithParamInterface<Path> {};

TEST_P(CostsOf, one_event) {
#if !defined(__x86_64__)
  GTEST_SKIP() << "counted for x86-64";
#endif
  const Costs costs = costs_of(GetParam().name);
  EXPECT_EQ(costs.calls, GetParam().calls);
  EXPECT_EQ(costs.memory_and_locks, "0 allocations, 0 locks");
}

const Path paths[]{
    {"enter", {{"waitid", 2}, {"ptrace GET_SYSCALL_INFO", 2}, {"ptrace SYSCALL", 2}}},
    {"enter_exit", {{"waitid", 2}, {"ptrace GET_SYSCALL_INFO", 2}, {"ptrace SYSCALL", 2}}},
    {"arguments_and_result", {{"waitid", 2}, {"ptrace GET_SYSCALL_INFO", 2}, {"ptrace SYSCALL", 2}}},
    {"unhandled", {{"waitid", 2}, {"ptrace GET_SYSCALL_INFO", 2}, {"ptrace SYSCALL", 2}}},
    {"skip", {{"waitid", 2}, {"ptrace GET_SYSCALL_INFO", 2}, {"ptrace POKEUSER", 2}, {"ptrace SYSCALL", 2}}},
    {"result", {{"waitid", 2}, {"ptrace GET_SYSCALL_INFO", 2}, {"ptrace POKEUSER", 1}, {"ptrace SYSCALL", 2}}},
    {"filter_enter", {{"waitid", 1}, {"ptrace GET_SYSCALL_INFO", 1}, {"ptrace CONT", 1}}},
    {"filter_exit", {{"waitid", 2}, {"ptrace GET_SYSCALL_INFO", 2}, {"ptrace SYSCALL", 1}, {"ptrace CONT", 1}}},
    {"filter_skip", {{"waitid", 1}, {"ptrace GET_SYSCALL_INFO", 1}, {"ptrace POKEUSER", 2}, {"ptrace CONT", 1}}},
    {"breakpoint", {{"waitid", 1}, {"ptrace PEEKUSER", 1}, {"ptrace POKEUSER", 1}, {"ptrace CONT", 1}}},
    {"breakpoint_of_one_byte",
     {{"waitid", 1}, {"ptrace PEEKUSER", 1}, {"ptrace GETSIGINFO", 1}, {"ptrace POKEUSER", 1}, {"ptrace CONT", 1}}},
    {"condition", {{"waitid", 1}, {"ptrace PEEKUSER", 1}, {"ptrace POKEUSER", 1}, {"ptrace CONT", 1}}},
    {"registers", {{"waitid", 1}, {"ptrace GETREGSET", 1}, {"ptrace POKEUSER", 1}, {"ptrace CONT", 1}}},
};

INSTANTIATE_TEST_SUITE_P(Paths, CostsOf, testing::ValuesIn(paths), [](const auto& path) { return path.param.name; });

}  // namespace
}  // namespace trapline::live
