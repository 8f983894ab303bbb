#include "os/spawn.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include <trapline/error.hpp>

#include "os/maps.hpp"
#include "os/proc.hpp"
#include "os/ptrace.hpp"
#include "os/wait.hpp"
#include "support/fd.hpp"

namespace trapline::os {
namespace {

SpawnRequest program(std::vector<std::string> argv) {
  SpawnRequest request;
  request.path = argv.front();
  request.argv = std::move(argv);
  request.env = {"PATH=/bin:/usr/bin", "LC_ALL=C"};
  return request;
}

SpawnRequest shell(const std::string& command) { return program({"/bin/sh", "-c", command}); }

int reap(pid_t pid) {
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, __WALL), pid);
  return status;
}

struct Output {
  std::string text;
  int status = 0;
};

std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t count = 0; (count = ::read(fd, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text;
}

/// Runs a program without a tracer, its stdout and stderr in a pipe.
Output run(SpawnRequest request) {
  auto pipe = support::make_pipe();
  request.stdio[1] = request.stdio[2] = pipe.write_end.get();
  Spawned child = spawn(std::move(request));
  child.release();
  pipe.write_end.reset();
  Output output;
  output.text = read_to_end(pipe.read_end.get());
  output.status = reap(child.pid());
  EXPECT_FALSE(child.in_host_memory());
  child.throw_failure();
  return output;
}

std::string status_line(const std::string& key) { return run(program({"/bin/grep", key, "/proc/self/status"})).text; }

/// Makes the request on a thread that the preparation made special, and runs the program from another one.
Output run_for_thread(const std::function<void()>& prepare, SpawnRequest request) {
  std::latch captured(1);
  std::latch done(1);
  SpawnContext context;
  std::thread asking([&] {
    prepare();
    context = capture_spawn_context();
    captured.count_down();
    done.wait();
  });
  captured.wait();
  request.context = context;
  Output output;
  std::thread([&] { output = run(std::move(request)); }).join();
  done.count_down();
  asking.join();
  return output;
}

TEST(Spawn, ExitStatus) {
  const Output output = run(shell("exit 7"));
  ASSERT_TRUE(WIFEXITED(output.status));
  EXPECT_EQ(WEXITSTATUS(output.status), 7);
}

TEST(Spawn, ArgumentsAndEnvironmentAreExactlyThoseGiven) {
  SpawnRequest request = program({"/bin/sh", "-c", "echo \"$0|$1|$2|$V\"", "zero", "", "a b"});
  request.env = {"V=x=y"};
  EXPECT_EQ(run(std::move(request)).text, "zero||a b|x=y\n");
}

TEST(Spawn, NothingHappensBeforeTheRelease) {
  Spawned child = spawn(shell("exit 3"));
  EXPECT_TRUE(child.in_host_memory());
  EXPECT_EQ(::waitpid(child.pid(), nullptr, __WALL | WNOHANG), 0);
  child.release();
  EXPECT_EQ(WEXITSTATUS(reap(child.pid())), 3);
}

TEST(Spawn, ATracerSeesTheExecAndThenTheHostIsLeft) {
  Spawned child = spawn(shell("exit 5"));
  seize(child.pid(), {.kill_with_tracer = true});
  child.release();
  bool executed = false;
  for (;;) {
    const auto seen = look_one(child.pid(), Sleep::until_event);
    ASSERT_TRUE(seen);
    take(child.pid());
    if (seen->status.dead()) {
      EXPECT_EQ(seen->status.exit_code(), 5);
      break;
    }
    if (seen->status.event() == WaitStatus::Event::exec) {
      executed = true;
      EXPECT_FALSE(child.in_host_memory());
      EXPECT_EQ(executable_path(child.pid()), std::filesystem::canonical("/bin/sh"));
    }
    resume(child.pid(), Resume::cont, 0);
  }
  EXPECT_TRUE(executed);
}

struct FailureCase {
  const char* name;
  std::function<void(SpawnRequest&)> spoil;
  SpawnStep step;
  int error;
  const char* text;
};

TEST(Spawn, EachFailureIsNamed) {
  const std::vector<FailureCase> cases{
      {"missing", [](auto& r) { r.path = "/nonexistent/program"; }, SpawnStep::exec, ENOENT, "does not exist"},
      {"directory", [](auto& r) { r.path = "/usr"; }, SpawnStep::exec, EACCES, "is a directory"},
      {"cwd", [](auto& r) { r.cwd = "/nonexistent"; }, SpawnStep::directory, ENOENT,
       "enter the directory /nonexistent"},
      {"stdio", [](auto& r) { r.stdio[2] = 999; }, SpawnStep::stdio, EBADF, "stdin, stdout and stderr"},
      {"limit",
       [](auto& r) {
         r.limits = {{RLIMIT_NOFILE, 20, 10}};
       },
       SpawnStep::limits, EINVAL, "resource limits"},
      {"tty", [](auto& r) { r.controlling_tty = 999; }, SpawnStep::controlling_tty, EBADF, "controlling terminal"},
      {"arguments", [](auto& r) { r.argv.emplace_back(std::size_t{1} << 20, 'x'); }, SpawnStep::exec, E2BIG,
       "too large"},
  };
  for (const FailureCase& spoilt : cases) {
    SCOPED_TRACE(spoilt.name);
    SpawnRequest request = shell("exit 0");
    spoilt.spoil(request);
    Spawned child = spawn(std::move(request));
    child.release();
    EXPECT_EQ(WEXITSTATUS(reap(child.pid())), 127);
    const auto failure = child.failure();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->step, spoilt.step);
    EXPECT_EQ(failure->error, spoilt.error);
    try {
      child.throw_failure();
      ADD_FAILURE() << "nothing thrown";
    } catch (const OsError& error) {
      EXPECT_NE(std::string(error.what()).find(spoilt.text), std::string::npos) << error.what();
    }
  }
}

TEST(Spawn, NoDescriptorOfTheHostGetsThrough) {
  const support::Fd low(::open("/dev/null", O_RDONLY));
  const support::Fd high(::fcntl(low.get(), F_DUPFD, 700));
  // ls has 3 for the directory itself.
  EXPECT_EQ(run(program({"/bin/ls", "/proc/self/fd"})).text, "0\n1\n2\n3\n");
}

/// Makes close_range fail on this thread, as an older kernel does.
void forbid_close_range() {
  std::array filter{
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog whole{filter.size(), filter.data()};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole), 0);
}

TEST(Spawn, NoDescriptorGetsThroughWithoutCloseRangeEither) {
  const support::Fd low(::open("/dev/null", O_RDONLY));
  std::vector<support::Fd> many;
  for (int i = 0; i < 200; ++i) many.emplace_back(::fcntl(low.get(), F_DUPFD, 100));
  std::string text;
  std::thread([&] {
    forbid_close_range();
    ASSERT_EQ(::syscall(SYS_close_range, 1000, 1001, 0), -1);
    text = run(program({"/bin/ls", "/proc/self/fd"})).text;
  }).join();
  EXPECT_EQ(text, "0\n1\n2\n3\n");
}

TEST(Spawn, StdioThatSitsOnEachOthersPlaces) {
  const support::Fd saved_in(::fcntl(0, F_DUPFD_CLOEXEC, 10));
  const support::Fd saved_out(::fcntl(1, F_DUPFD_CLOEXEC, 10));
  auto in = support::make_pipe();
  auto out = support::make_pipe();
  ASSERT_EQ(::write(in.write_end.get(), "crossed\n", 8), 8);
  in.write_end.reset();
  // The future stdin is the host's 1 and the future stdout is its 0.
  ::dup3(in.read_end.get(), 1, O_CLOEXEC);
  ::dup3(out.write_end.get(), 0, O_CLOEXEC);
  SpawnRequest request = program({"/bin/cat"});
  request.stdio = {1, 0, -1};
  Spawned child = spawn(std::move(request));
  child.release();
  const int status = reap(child.pid());
  ::dup2(saved_in.get(), 0);
  ::dup2(saved_out.get(), 1);
  out.write_end.reset();
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read_to_end(out.read_end.get()), "crossed\n");
}

TEST(Spawn, DispositionsAreTheDefaults) {
  const auto old_pipe = std::signal(SIGPIPE, SIG_IGN);
  const auto old_usr1 = std::signal(SIGUSR1, [](int) {});
  EXPECT_EQ(status_line("SigIgn"), "SigIgn:\t0000000000000000\n");
  std::signal(SIGPIPE, old_pipe);
  std::signal(SIGUSR1, old_usr1);
}

TEST(Spawn, SignalMaskIsThatOfTheAskingThread) {
  const auto block_usr2 = [] {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &set, nullptr);
  };
  EXPECT_EQ(run_for_thread(block_usr2, program({"/bin/grep", "SigBlk", "/proc/self/status"})).text,
            "SigBlk:\t0000000000000800\n");
}

TEST(Spawn, MaskOfThisThreadIsInheritedAndKept) {
  sigset_t before;
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  EXPECT_EQ(status_line("SigBlk"), "SigBlk:\t0000000000000000\n");
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal < 32; ++signal) EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal));
}

TEST(Spawn, AffinityIsThatOfTheAskingThread) {
  cpu_set_t all;
  ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
  if (CPU_COUNT(&all) < 2) GTEST_SKIP() << "one CPU";
  int last = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &all)) last = cpu;
  }
  const auto pin = [last] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(last, &one);
    ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  };
  EXPECT_EQ(run_for_thread(pin, program({"/bin/grep", "Cpus_allowed_list", "/proc/self/status"})).text,
            "Cpus_allowed_list:\t" + std::to_string(last) + "\n");
}

TEST(Spawn, NiceValueIsThatOfTheAskingThread) {
  const int ours = ::getpriority(PRIO_PROCESS, 0);
  const auto be_nice = [ours] {
    ASSERT_EQ(::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), ours + 7), 0);
  };
  EXPECT_EQ(run_for_thread(be_nice, program({"/usr/bin/nice"})).text, std::to_string(ours + 7) + "\n");
  EXPECT_EQ(run(program({"/usr/bin/nice"})).text, std::to_string(ours) + "\n");
}

TEST(Spawn, UmaskAndDirectoryAreThoseOfTheAskingThread) {
  const auto own_directory = [] {
    ASSERT_EQ(::unshare(CLONE_FS), 0);
    ::umask(0123);
    ASSERT_EQ(::chdir("/usr/lib"), 0);
  };
  EXPECT_EQ(run_for_thread(own_directory, shell("umask; pwd -P")).text, "0123\n/usr/lib\n");
  SpawnRequest relative = shell("pwd -P");
  relative.cwd = "..";
  EXPECT_EQ(run_for_thread(own_directory, std::move(relative)).text, "/usr\n");
}

TEST(Spawn, DirectoryOfItsOwnAndARelativePathFromThere) {
  const auto here = std::filesystem::current_path();
  SpawnRequest request = program({"./sh", "-c", "pwd -P"});
  request.cwd = std::filesystem::canonical("/bin");
  EXPECT_EQ(run(std::move(request)).text, std::filesystem::canonical("/bin").string() + "\n");
  EXPECT_EQ(std::filesystem::current_path(), here);
}

TEST(Spawn, ResourceLimits) {
  SpawnRequest request = shell("ulimit -Sn; ulimit -Hn; ulimit -Sc");
  request.limits = {{RLIMIT_NOFILE, 77, 99}, {RLIMIT_CORE, 0, 0}};
  EXPECT_EQ(run(std::move(request)).text, "77\n99\n0\n");
}

TEST(Spawn, RandomisationOff) {
  SpawnRequest request = program({"/bin/cat", "/proc/self/personality"});
  EXPECT_EQ(run(request).text, "00000000\n");
  request.disable_aslr = true;
  EXPECT_EQ(run(request).text, "00040000\n");
}

TEST(Spawn, UserAndGroupAndTheHostStaysDumpable) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root";
  ASSERT_EQ(::prctl(PR_GET_DUMPABLE), 1);
  SpawnRequest request = shell("id -u; id -g; id -G");
  request.uid = 4321;
  request.gid = 1234;
  EXPECT_EQ(run(std::move(request)).text, "4321\n1234\n1234\n");
  EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 1);
}

TEST(Spawn, TerminalOfItsOwn) {
  const support::Fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_EQ(::grantpt(master.get()), 0);
  ASSERT_EQ(::unlockpt(master.get()), 0);
  std::array<char, 64> name{};
  ASSERT_EQ(::ptsname_r(master.get(), name.data(), name.size()), 0);
  const support::Fd slave(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  SpawnRequest request = shell("stty -onlcr < /dev/tty; echo session of its own > /dev/tty");
  request.controlling_tty = slave.get();
  EXPECT_EQ(run(std::move(request)).status, 0);
  std::array<char, 64> buffer{};
  const ssize_t count = ::read(master.get(), buffer.data(), buffer.size());
  EXPECT_EQ(std::string(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))), "session of its own\n");
}

TEST(Spawn, OneThatIsDroppedIsKilledAndReaped) {
  pid_t pid = 0;
  {
    const Spawned child = spawn(shell("exit 0"));
    pid = child.pid();
  }
  EXPECT_EQ(::waitpid(pid, nullptr, __WALL | WNOHANG), -1);
  {
    const Spawned child = spawn(shell("exit 0"));
    pid = child.pid();
    seize(pid, {});
  }
  EXPECT_EQ(::waitpid(pid, nullptr, __WALL | WNOHANG), -1);
  Spawned assigned = spawn(shell("exit 0"));
  pid = assigned.pid();
  assigned = spawn(shell("exit 4"));
  EXPECT_EQ(::waitpid(pid, nullptr, __WALL | WNOHANG), -1);
  assigned.release();
  EXPECT_EQ(WEXITSTATUS(reap(assigned.pid())), 4);
}

TEST(Spawn, OneThatIsKilledMeanwhileHasNoFailure) {
  Spawned child = spawn(shell("exit 0"));
  ::kill(child.pid(), SIGKILL);
  EXPECT_TRUE(WIFSIGNALED(reap(child.pid())));
  EXPECT_EQ(child.failure(), std::nullopt);
}

TEST(Spawn, AHostThatDiesLeavesNothingBehind) {
  auto pipe = support::make_pipe();
  const pid_t host = ::fork();
  if (host == 0) {
    const Spawned child = spawn(shell("exit 0"));
    ::raise(SIGKILL);
  }
  pipe.write_end.reset();
  // The end of the file comes when the last copy of the writing end is gone, the child's too.
  EXPECT_EQ(read_to_end(pipe.read_end.get()), "");
  reap(host);
}

TEST(Spawn, ManyLeaveNoMemoryDescriptorOrZombie) {
  auto count_descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  run(program({"/bin/true"}));
  const auto maps = read_maps(::getpid()).size();
  const auto descriptors = count_descriptors();
  for (int i = 0; i < 300; ++i) EXPECT_EQ(run(program({"/bin/true"})).status, 0);
  // A stack left behind is two mappings; a sanitizer's allocator takes a few of its own.
  EXPECT_LE(read_maps(::getpid()).size(), maps + 100);
  EXPECT_EQ(count_descriptors(), descriptors);
  EXPECT_EQ(::waitpid(-1, nullptr, __WALL | WNOHANG), -1);
}

TEST(Spawn, FromManyThreadsAtOnce) {
  std::array<std::thread, 4> threads;
  std::array<int, 4> good{};
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i] = std::thread([&good, i] {
      for (int round = 0; round < 50; ++round) {
        Spawned child = spawn(shell("exit " + std::to_string(i)));
        child.release();
        int status = 0;
        if (::waitpid(child.pid(), &status, __WALL) == child.pid() && WEXITSTATUS(status) == static_cast<int>(i))
          ++good[i];
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const int count : good) EXPECT_EQ(count, 50);
}

/// Microseconds from the request to the exec, the best of several.
double spawn_cost() {
  double best = 1e9;
  for (int i = 0; i < 50; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    Spawned child = spawn(program({"/bin/true"}));
    seize(child.pid(), {.kill_with_tracer = true});
    child.release();
    static_cast<void>(look_one(child.pid(), Sleep::until_event));
    const std::chrono::duration<double, std::micro> cost = std::chrono::steady_clock::now() - begin;
    best = std::min(best, cost.count());
    ::kill(child.pid(), SIGKILL);
    while (const auto seen = look_one(child.pid(), Sleep::until_event)) {
      take(child.pid());
      if (seen->status.dead()) break;
      try {
        resume(child.pid(), Resume::cont, 0);
      } catch (const ProcessGone&) {
      }
    }
  }
  return best;
}

TEST(Spawn, CostsTheSameFromALargeHost) {
  const double small = spawn_cost();
  constexpr std::size_t ballast = std::size_t{1} << 30;
  void* memory = ::mmap(nullptr, ballast, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) GTEST_SKIP() << "less than 1 GiB of memory";
  const double large = spawn_cost();
  ::munmap(memory, ballast);
  std::printf("spawn to exec: %.0f us from a small host, %.0f us with 1 GiB more\n", small, large);
  // A fork would copy page tables for some ten milliseconds more.
  EXPECT_LT(large, 2 * small + 2000);
}

}  // namespace
}  // namespace trapline::os
