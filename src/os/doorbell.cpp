#include "os/doorbell.hpp"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

#include "os/raw_clone.hpp"
#include "os/wait.hpp"

namespace trapline::os {
namespace {

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

Doorbell::Doorbell()
    : task_("the doorbell", sleep_for_ever, reinterpret_cast<void*>(static_cast<std::intptr_t>(::getpid()))) {}

void Doorbell::ring() const noexcept { ::kill(tid(), SIGSTOP); }

bool Doorbell::answer() {
  const auto seen = look_one(tid(), Sleep::no);
  if (!seen) return true;
  if (seen->status.dead()) return false;
  // Ends the stop and whatever ring is on its way: who rang has left his message before.
  ::kill(tid(), SIGCONT);
  return true;
}

}  // namespace trapline::os
