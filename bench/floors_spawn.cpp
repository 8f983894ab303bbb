#include <elf.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>

#include "floors.hpp"
#include "raw_tracee.hpp"
#include "rows.hpp"

namespace trapline::bench::floors {
namespace {

/// What the child needs while it shares our memory.
struct Program {
  std::string path;
  std::array<char*, 4> argv{};
  std::array<char*, 1> env{};
};

int run_child(void* argument) {
  auto& program = *static_cast<Program*>(argument);
  ::ptrace(PTRACE_TRACEME, 0, 0, 0);
  ::execve(program.path.c_str(), program.argv.data(), program.env.data());
  ::_exit(127);
}

std::uintptr_t entry_point(pid_t pid) {
  const int file = ::open(("/proc/" + std::to_string(pid) + "/auxv").c_str(), O_RDONLY | O_CLOEXEC);
  require(file != -1, "auxv of a tracee");
  std::array<Elf64_auxv_t, 64> vector{};
  const ssize_t filled = ::read(file, vector.data(), sizeof vector);
  ::close(file);
  require(filled > 0, "auxv of a tracee");
  for (const auto& entry : vector) {
    if (entry.a_type == AT_ENTRY) return entry.a_un.a_val;
  }
  return 0;
}

class Spawns {
 public:
  Spawns(std::size_t events, Until until) : events_(events), until_(until), stack_(64 * 1024) {
    program_.path = tracee("calls");
    program_.argv[0] = program_.path.data();
  }

  double batch() {
    return time_per_event(events_, [&] {
      for (std::size_t i = 0; i < events_; ++i) cycle();
    });
  }

 private:
  void cycle() {
    void* top = stack_.data() + stack_.size();
    const pid_t pid = ::clone(run_child, top, CLONE_VM | CLONE_VFORK | SIGCHLD, &program_);
    require(pid != -1, "clone");
    wait(pid);
    constexpr std::uintptr_t options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD;
    request(PTRACE_SETOPTIONS, pid, std::uintptr_t{0}, options);
    if (until_ == Until::entry) run_to_entry(pid);
    ::kill(pid, SIGKILL);
    int status = 0;
    require(::waitpid(pid, &status, __WALL) == pid && WIFSIGNALED(status), "death of a tracee");
  }
  static void run_to_entry(pid_t pid) {
    constexpr std::uintptr_t breakpoint = 0xcc;
    const std::uintptr_t entry = entry_point(pid);
    const auto original = static_cast<std::uintptr_t>(request(PTRACE_PEEKDATA, pid, entry));
    request(PTRACE_POKEDATA, pid, entry, (original & ~std::uintptr_t{0xff}) | breakpoint);
    request(PTRACE_CONT, pid);
    wait(pid);
    request(PTRACE_POKEUSER, pid, offsetof(user_regs_struct, rip), entry);
    request(PTRACE_POKEDATA, pid, entry, original);
  }
  static void wait(pid_t pid) {
    int status = 0;
    require(::waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP,
            "stop of a tracee");
  }

  std::size_t events_;
  Until until_;
  Program program_;
  std::vector<std::byte> stack_;
};

}  // namespace

Batch spawns(std::size_t events, Until until) {
  return [loop = std::make_shared<Spawns>(events, until)] { return loop->batch(); };
}

}  // namespace trapline::bench::floors
