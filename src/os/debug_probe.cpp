#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <optional>

#include "os/debug_registers.hpp"
#include "os/error.hpp"
#include "os/ptrace.hpp"
#include "os/raw_clone.hpp"
#include "os/wait.hpp"

namespace trapline::os {
namespace {

constexpr std::size_t stack_size = 4096;
constexpr std::size_t control = 7;

/// What the probing task and its tracer share: the task lives in our memory.
struct Probe {
  long host = 0;
  std::uint32_t released = 0;
  std::uint64_t watched = 0;
};

/// Where the execute register points.
TRAPLINE_RAW_CODE __attribute__((noinline)) void probed_function() { asm volatile(""); }

TRAPLINE_RAW_CODE void run_probe(void* shared) {
  Probe& probe = *static_cast<Probe*>(shared);
  raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // The host may have died before that.
  if (raw_syscall(SYS_getppid, 0, 0, 0, 0, 0) != probe.host) raw_syscall(SYS_exit, 0, 0, 0, 0, 0);
  // What a terminal sends to the whole process group is not for it.
  const unsigned long all_blocked = ~0UL;
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&all_blocked), 0, sizeof all_blocked, 0);
  const volatile std::uint32_t& released = probe.released;
  while (released == 0) raw_syscall(SYS_futex, reinterpret_cast<long>(&probe.released), FUTEX_WAIT_PRIVATE, 0, 0, 0);
  probed_function();
  volatile std::uint64_t& watched = probe.watched;
  watched = 1;
  for (;;) raw_syscall(SYS_exit, 0, 0, 0, 0, 0);
}

/// The task, stopped or dead; kills and reaps it in the end.
class ProbeTask {
 public:
  ProbeTask() : stack_(static_cast<std::byte*>(map_stack())) {
    probe_.host = ::getpid();
    // As the doorbell: no copy of the descriptors, and no signal at its end, which hides it from the host's waits.
    const long task = raw_clone(CLONE_VM | CLONE_FS | CLONE_FILES, stack_ + stack_size, run_probe, &probe_);
    if (task < 0) {
      ::munmap(stack_, stack_size);
      throw_os_error(static_cast<int>(-task), "clone for a probe of the debug registers", 0);
    }
    tid_ = static_cast<pid_t>(task);
  }
  ~ProbeTask() {
    ::kill(tid_, SIGKILL);
    while (const auto seen = look_one(tid_, Sleep::until_event)) {
      take(tid_);
      if (seen->status.dead()) break;
    }
    ::munmap(stack_, stack_size);
  }
  ProbeTask(const ProbeTask&) = delete;
  ProbeTask& operator=(const ProbeTask&) = delete;

  [[nodiscard]] pid_t tid() const { return tid_; }
  [[nodiscard]] const Probe& probe() const { return probe_; }

  void release() {
    __atomic_store_n(&probe_.released, 1, __ATOMIC_RELEASE);
    ::syscall(SYS_futex, &probe_.released, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }

  /// True when it stopped, false when it died. It asks the task itself beside waiting, since another thread of the host
  /// that waits for any child can take the stop.
  [[nodiscard]] bool wait_for_stop() const {
    for (;;) {
      if (const auto seen = look_one(tid_, Sleep::no)) return !seen->status.dead();
      if (still_stopped(tid_)) return true;
      if (::kill(tid_, 0) != 0) return false;
      constexpr timespec moment{0, 20'000};
      ::nanosleep(&moment, nullptr);
    }
  }

 private:
  static void* map_stack() {
    void* memory = ::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw_os_error(errno, "mmap for a probe of the debug registers", 0);
    return memory;
  }

  Probe probe_;
  std::byte* stack_;
  pid_t tid_ = 0;
};

/// Registers 0 and 1: the function, and eight bytes that are written.
DebugRegisters registers_for(const Probe& probe) {
  DebugRegisters registers{};
  registers[0] = reinterpret_cast<std::uint64_t>(&probed_function);
  registers[1] = reinterpret_cast<std::uint64_t>(&probe.watched);
  registers[control] = 0b0101 | 0b1001ULL << 20;
  return registers;
}

}  // namespace

bool try_debug_registers() {
  ProbeTask task;
  seize(task.tid(), {.kill_with_tracer = true, .report_exit = false});
  interrupt(task.tid());
  if (!task.wait_for_stop()) return false;
  try {
    change_debug_registers(task.tid(), {}, registers_for(task.probe()));
  } catch (const OsError&) {
    return false;
  }
  task.release();
  std::uint64_t fired = 0;
  do {
    resume(task.tid(), Resume::cont, 0);
    if (!task.wait_for_stop()) break;
    fired |= debug_status(task.tid()) & 0b0011;
  } while (fired != 0b0011);
  return fired == 0b0011;
}

bool debug_registers_work() {
  static const bool work = try_debug_registers();
  return work;
}

}  // namespace trapline::os
