#include "os/doorbell.hpp"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "os/error.hpp"
#include "os/ptrace.hpp"
#include "os/raw_clone.hpp"
#include "os/wait.hpp"

namespace trapline::os {
namespace {

constexpr std::size_t stack_size = 4096;
// Any signal would do: it is never delivered. This one is ignored by default, should a ring come in its first moment.
constexpr int ring_signal = SIGURG;

TRAPLINE_RAW_CODE void sleep_for_ever(void*) {
  raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  constexpr char name[] = "trapline-bell";
  raw_syscall(SYS_prctl, PR_SET_NAME, reinterpret_cast<long>(name), 0, 0, 0);
  const unsigned long nothing_blocked = 0;
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&nothing_blocked), 0, sizeof nothing_blocked, 0);
  for (;;) raw_syscall(SYS_ppoll, 0, 0, 0, 0, 0);
}

}  // namespace

Doorbell::Doorbell() {
  void* memory = ::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw_os_error(errno, "mmap for the doorbell", 0);
  stack_ = static_cast<std::byte*>(memory);
  // The descriptor table is shared, not copied: a copy would keep the host's pipes open behind its back.
  const long task = raw_clone(CLONE_VM | CLONE_FS | CLONE_FILES, stack_ + stack_size, sleep_for_ever, nullptr);
  if (task < 0) {
    ::munmap(stack_, stack_size);
    throw_os_error(static_cast<int>(-task), "clone for the doorbell", 0);
  }
  tid_ = static_cast<pid_t>(task);
  try {
    seize(tid_, {.kill_with_tracer = true});
  } catch (...) {
    ::kill(tid_, SIGKILL);
    take(tid_);
    throw;
  }
}

Doorbell::~Doorbell() {
  ::kill(tid_, SIGKILL);
  for (;;) {
    const auto seen = look_one(tid_, Sleep::until_event);
    if (!seen) break;
    take(tid_);
    if (seen->status.dead()) break;
    try {
      resume(tid_, Resume::cont, 0);
    } catch (...) {
    }
  }
  ::munmap(stack_, stack_size);
}

void Doorbell::ring() const noexcept { ::syscall(SYS_tgkill, tid_, tid_, ring_signal); }

bool Doorbell::answer() {
  const auto seen = look_one(tid_, Sleep::no);
  if (!seen) return true;
  if (seen->status.dead()) return false;
  try {
    // No signal: whatever reached it (a Ctrl-C to the whole process group) stays without effect.
    resume(tid_, Resume::cont, 0);
  } catch (...) {
    return true;  // It is being killed; its death is seen next.
  }
  return true;
}

}  // namespace trapline::os
