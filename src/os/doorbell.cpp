#include "os/doorbell.hpp"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "os/error.hpp"
#include "os/raw_clone.hpp"
#include "os/wait.hpp"

namespace trapline::os {
namespace {

constexpr std::size_t stack_size = 4096;

TRAPLINE_RAW_CODE void sleep_for_ever(void* host) {
  raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // The host may have died before that.
  if (raw_syscall(SYS_getppid, 0, 0, 0, 0, 0) != reinterpret_cast<long>(host)) raw_syscall(SYS_exit, 0, 0, 0, 0, 0);
  constexpr char name[] = "trapline-bell";
  raw_syscall(SYS_prctl, PR_SET_NAME, reinterpret_cast<long>(name), 0, 0, 0);
  // What a terminal sends to the whole process group is not for it.
  const unsigned long all_blocked = ~0UL;
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&all_blocked), 0, sizeof all_blocked, 0);
  for (;;) raw_syscall(SYS_ppoll, 0, 0, 0, 0, 0);
}

}  // namespace

Doorbell::Doorbell() {
  void* memory = ::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw_os_error(errno, "mmap for the doorbell", 0);
  stack_ = static_cast<std::byte*>(memory);
  // The descriptor table is shared, not copied: a copy would keep the host's pipes open behind its back.
  const long task = raw_clone(CLONE_VM | CLONE_FS | CLONE_FILES, stack_ + stack_size, sleep_for_ever,
                              reinterpret_cast<void*>(static_cast<std::intptr_t>(::getpid())));
  if (task < 0) {
    ::munmap(stack_, stack_size);
    throw_os_error(static_cast<int>(-task), "clone for the doorbell", 0);
  }
  tid_ = static_cast<pid_t>(task);
}

Doorbell::~Doorbell() {
  ::kill(tid_, SIGKILL);
  for (;;) {
    const auto seen = look_one(tid_, Sleep::until_event);
    if (!seen) break;
    take(tid_);
    if (seen->status.dead()) break;
  }
  ::munmap(stack_, stack_size);
}

void Doorbell::ring() const noexcept { ::kill(tid_, SIGSTOP); }

bool Doorbell::answer() {
  const auto seen = look_one(tid_, Sleep::no);
  if (!seen) return true;
  if (seen->status.dead()) return false;
  // Ends the stop and whatever ring is on its way: who rang has left his message before.
  ::kill(tid_, SIGCONT);
  return true;
}

}  // namespace trapline::os
