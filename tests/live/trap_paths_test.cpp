#include "support.hpp"

#include <array>

#include "core/breakpoints.hpp"
#include "core/process.hpp"

namespace trapline::live {
namespace {

using Path = core::Breakpoints::Path;

/// Every way past a trapped instruction, chosen from inside the library, on an instruction of every kind.
class TrapPaths : public Live, public ::testing::WithParamInterface<std::tuple<const char*, Path>> {};

void force(Debugger& d, Path path) {
  const auto& process = d.main_thread().state()->process;
  d.on_tracer([&] { process->breakpoints().force(path); });
}

struct Result {
  std::string output;
  std::size_t hits = 0;
};

constexpr const char* rounds = "20";

Result run_with(const std::string& name, const std::optional<std::string>& site, Path path) {
  DebuggerOptions options = program(name, {rounds});
  options.aslr = false;
  Debugger d(std::move(options));
  std::optional<Breakpoint> breakpoint;
  if (site) breakpoint = d.breakpoint(*site, {.callback = [](Thread&, Breakpoint&) {}});
  const Stdio io = d.run(piped());
  force(d, path);
  d.cont();
  const Stop stop = d.wait(patience);
  EXPECT_EQ(stop.exit_code, 0) << stop;
  return {rest_of_output(io), breakpoint ? breakpoint->hit_count() : 0};
}

constexpr std::array sites{
    "endbr",         "push",          "mov",         "sub",           "load",         "relative_load",
    "relative_lea",  "add",           "flags",       "nop",           "long_nop",     "call",
    "call_register", "call_stack",    "call_memory", "call_tracked",  "branch_taken", "branch_not_taken",
    "loop",          "jrcxz",         "jump",        "jump_register", "jump_memory",  "rep",
    "syscall",       "after_syscall", "string",      "vector",        "store",        "exchange",
    "set",           "flags_push",    "add_stack",   "leave",         "ret",          "in_callee"};

std::size_t executions_in_a_round(std::string_view site) {
  if (site == "in_callee") return 5;
  if (site == "loop") return 3;
  return 1;
}

TEST_P(TrapPaths, behave_as_without_the_trap) {
  const auto& [name, path] = GetParam();
  const std::string untrapped = run_with(name, std::nullopt, path).output;
  for (const char* site : sites) {
    const Result result = run_with(name, std::string("site_") + site, path);
    EXPECT_EQ(result.output, untrapped) << site;
    EXPECT_EQ(result.hits, 20 * executions_in_a_round(site)) << site;
  }
}

TEST_P(TrapPaths, all_sites_at_once_with_every_syscall_handled) {
  const auto& [name, path] = GetParam();
  const std::string untrapped = run_with(name, std::nullopt, path).output;
  DebuggerOptions options = program(name, {rounds});
  options.aslr = false;
  Debugger d(std::move(options));
  Transcript transcript;
  std::vector<Breakpoint> breakpoints;
  for (const char* site : sites) {
    breakpoints.push_back(d.breakpoint(std::string("site_") + site, {.callback = [](Thread&, Breakpoint&) {}}));
  }
  const SyscallHandler getpid = d.handle_syscall("getpid", transcript.options());
  std::vector<Address> places;
  d.handle_syscall("getpid", {.on_enter = [&](Thread& t, SyscallHandler&) { places.push_back(t.pc()); },
                              .on_exit = [&](Thread& t, SyscallHandler&) { places.push_back(t.pc()); }});
  const Stdio io = d.run(piped());
  force(d, path);
  const Address after = *breakpoints[25].address();
  d.cont();
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  EXPECT_EQ(rest_of_output(io), untrapped);
  for (std::size_t i = 0; i < sites.size(); ++i) {
    EXPECT_EQ(breakpoints[i].hit_count(), 20 * executions_in_a_round(sites[i])) << sites[i];
  }
  EXPECT_EQ(getpid.hit_count(), 20U);
  EXPECT_EQ(places, std::vector<Address>(40, after)) << "the pc at the call's stops is the program's own";
}

std::string name_of(const ::testing::TestParamInfo<TrapPaths::ParamType>& test) {
  const auto& [program, path] = test.param;
  const std::array names{"cheapest", "emulation", "slot", "in_place"};
  return std::string(program) + "_" + names[static_cast<std::size_t>(path)];
}

INSTANTIATE_TEST_SUITE_P(All, TrapPaths,
                         ::testing::Combine(::testing::Values("sites", "sites_no_pie"),
                                            ::testing::Values(Path::cheapest, Path::emulation, Path::slot,
                                                              Path::in_place)),
                         name_of);

}  // namespace
}  // namespace trapline::live
