#include "support.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <fcntl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace trapline::live {
namespace {

using RunOptionsOf = Live;

std::string shown(DebuggerOptions options) {
  Debugger d(std::move(options));
  const Finished finished = run_for_output(d);
  EXPECT_EQ(finished.status, 0);
  return finished.output;
}

/// Sets a variable of our own environment for one test.
class HostVariable {
 public:
  HostVariable(std::string name, const std::string& value) : name_(std::move(name)) {
    ::setenv(name_.c_str(), value.c_str(), 1);
  }
  ~HostVariable() { ::unsetenv(name_.c_str()); }
  HostVariable(const HostVariable&) = delete;
  HostVariable& operator=(const HostVariable&) = delete;

 private:
  std::string name_;
};

TEST_F(RunOptionsOf, arguments_arrive_as_they_are) {
  EXPECT_EQ(shown(program("show", {"args", "", "two words", "\xff\t\""})),
            tracee("show") + "|args||two words|\xff\t\"|\n\n\n\n");
}

TEST_F(RunOptionsOf, path_may_differ_from_the_name) {
  DebuggerOptions options = command({"another name", "args"});
  options.path = tracee("show");
  EXPECT_EQ(shown(options), "another name|args|\n");
}

TEST_F(RunOptionsOf, name_without_a_slash_is_looked_up_in_path) {
  Debugger d(command({"sh", "-c", "exit 3"}));
  EXPECT_EQ(run_to_exit(d), 3);
  d.set_argv({"-odd", "-c", "exit 4"});
  d.set_path("sh");
  EXPECT_EQ(run_to_exit(d), 4);
}

TEST_F(RunOptionsOf, environment_is_the_hosts_unless_given) {
  const HostVariable variable("TRAPLINE_TEST_VARIABLE", "from the host");
  DebuggerOptions options = program("show", {"env:TRAPLINE_TEST_VARIABLE", "env:OTHER"});
  EXPECT_EQ(shown(options), "from the host\n(unset)\n");
  options.env = Environment{{"OTHER", "given"}};
  EXPECT_EQ(shown(options), "(unset)\ngiven\n");
}

TEST_F(RunOptionsOf, arguments_and_environment_are_editable_between_runs) {
  Debugger d(program("show", {"env:A"}));
  d.set_env(Environment{{"A", "1"}});
  EXPECT_EQ(run_for_output(d).output, "1\n");
  Environment changed = d.env().value();
  changed["A"] = "2";
  d.set_env(changed);
  EXPECT_EQ(run_for_output(d).output, "2\n");
  d.set_argv({tracee("show"), "env:A", "env:A"});
  EXPECT_EQ(run_for_output(d).output, "2\n2\n");
  EXPECT_EQ(d.argv().size(), 3U);
}

TEST_F(RunOptionsOf, working_directory) {
  const ScratchDir dir;
  const std::filesystem::path before = std::filesystem::current_path();
  DebuggerOptions options = program("show", {"cwd"});
  options.cwd = dir.path();
  EXPECT_EQ(shown(options), std::filesystem::canonical(dir.path()).string() + "\n");
  EXPECT_EQ(std::filesystem::current_path(), before);
}

TEST_F(RunOptionsOf, user_and_group) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can change its user";
  const ScratchDir dir;
  const std::string copy = dir / "show";
  std::filesystem::copy_file(tracee("show"), copy);
  ::chmod(copy.c_str(), 0755);
  DebuggerOptions options = command({copy, "ids"});
  options.uid = 65534;
  options.gid = 65533;
  EXPECT_TRUE(shown(options).starts_with("65534 65534 65533 65533 ")) << shown(options);
}

TEST_F(RunOptionsOf, resource_limits) {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  DebuggerOptions options = program("show", {"nofile"});
  options.limits = {{.resource = RLIMIT_NOFILE, .soft = 100, .hard = 200}};
  EXPECT_EQ(shown(options), "100 200\n");
  rlimit after{};
  ::getrlimit(RLIMIT_NOFILE, &after);
  EXPECT_EQ(after.rlim_cur, before.rlim_cur);
}

TEST_F(RunOptionsOf, aslr_is_set_in_the_child_only) {
  const int before = ::personality(0xffffffff);
  DebuggerOptions options = program("show", {"aslr"});
  EXPECT_EQ(shown(options), (before & ADDR_NO_RANDOMIZE) != 0 ? "0\n" : "1\n");
  options.aslr = false;
  EXPECT_EQ(shown(options), "0\n");
  EXPECT_EQ(::personality(0xffffffff), before);
}

TEST_F(RunOptionsOf, without_aslr_each_run_has_the_same_addresses) {
  DebuggerOptions options = program("points");
  options.aslr = false;
  Debugger d(options);
  d.run(no_stdio());
  const Address first = d.symbols().resolve("text");
  d.run(no_stdio());
  EXPECT_EQ(d.symbols().resolve("text"), first);
}

TEST_F(RunOptionsOf, umask_and_nice_value_are_those_of_the_caller) {
  const mode_t mask = ::umask(0137);
  const int nice = ::getpriority(PRIO_PROCESS, 0);
  EXPECT_EQ(shown(program("show", {"umask", "nice"})), "137\n" + std::to_string(nice) + "\n");
  EXPECT_EQ(::umask(mask), 0137U);
}

TEST_F(RunOptionsOf, no_descriptor_of_the_host_is_inherited) {
  const int leaky = ::open("/dev/null", O_RDONLY);
  const int high = ::fcntl(leaky, F_DUPFD, 500);
  EXPECT_EQ(shown(program("show", {"descriptors"})), "0 1 2 \n");
  ::close(leaky);
  ::close(high);
}

TEST_F(RunOptionsOf, dispositions_are_default_and_the_mask_is_the_callers) {
  sigset_t wanted{};
  sigset_t before{};
  sigset_t after{};
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR2);
  const auto old_handler = ::signal(SIGPIPE, SIG_IGN);
  pthread_sigmask(SIG_SETMASK, &wanted, &before);
  EXPECT_EQ(shown(program("show", {"signals"})), "blocked:12 \n");
  pthread_sigmask(SIG_SETMASK, &before, &after);
  EXPECT_EQ(sigismember(&after, SIGUSR2), 1);
  EXPECT_EQ(sigismember(&after, SIGUSR1), 0);
  EXPECT_EQ(::signal(SIGPIPE, old_handler), SIG_IGN);
}

TEST_F(RunOptionsOf, run_stops_at_the_entry_point) {
  for (const char* name : {"points", "points_static"}) {
    Debugger d(program(name));
    d.run(no_stdio());
    EXPECT_EQ(d.main_thread().pc(), d.symbols().resolve(Location("_start").in("binary"))) << name;
    EXPECT_EQ(run_out(d).exit_code, 0) << name;
  }
}

TEST_F(RunOptionsOf, or_at_the_first_instruction) {
  DebuggerOptions options = program("points");
  options.continue_to_entry = false;
  Debugger d(options);
  d.run(no_stdio());
  const Address pc = d.main_thread().pc();
  const MemoryMaps maps = d.maps();
  ASSERT_NE(maps.at(pc), nullptr);
  EXPECT_NE(maps.at(pc)->path.find("/ld-"), std::string::npos) << maps.at(pc)->path;
  EXPECT_TRUE(maps.filter("libc").empty()) << "the loader has run already";
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(RunOptionsOf, children_born_before_the_entry_point_are_left_alone) {
  const ScratchDir scratch;
  DebuggerOptions options = program("exit_with", {"5"});
  options.env = Environment{{"LD_PRELOAD", preloadable(scratch, "forks_before_entry.so")}};
  Debugger d(std::move(options));
  const Stdio io = d.run(piped());
  EXPECT_EQ(d.main_thread().pc(), d.symbols().resolve(Location("_start").in("binary")));
  EXPECT_EQ(d.threads().size(), 2U);
  d.cont();
  // A thread of the loader's time has a child after it.
  io.send("x");
  EXPECT_EQ(d.wait().exit_code, 5);
}

TEST_F(RunOptionsOf, first_instruction_of_a_static_program_is_its_entry) {
  DebuggerOptions options = program("points_static");
  options.continue_to_entry = false;
  Debugger d(options);
  d.run(no_stdio());
  EXPECT_EQ(d.main_thread().pc(), d.symbols().resolve(Location("_start").in("binary")));
  EXPECT_EQ(run_out(d).exit_code, 0);
}

}  // namespace
}  // namespace trapline::live
