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

constexpr std::uint32_t starting = 0;
constexpr std::uint32_t ready = 1;
constexpr std::uint32_t rung = 2;

TRAPLINE_RAW_CODE void sleep_for_ever(void* argument) {
  Doorbell::Start& start = *static_cast<Doorbell::Start*>(argument);
  raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // The host may have died before that.
  if (raw_syscall(SYS_getppid, 0, 0, 0, 0, 0) != start.host) raw_syscall(SYS_exit, 0, 0, 0, 0, 0);
  constexpr char name[] = "trapline-bell";
  raw_syscall(SYS_prctl, PR_SET_NAME, reinterpret_cast<long>(name), 0, 0, 0);
  // What a terminal sends to the whole process group is not for it.
  const unsigned long all_blocked = ~0UL;
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&all_blocked), 0, sizeof all_blocked, 0);
  if (__atomic_exchange_n(&start.state, ready, __ATOMIC_SEQ_CST) == rung) {
    raw_syscall(SYS_kill, raw_syscall(SYS_getpid, 0, 0, 0, 0, 0), SIGSTOP, 0, 0, 0);
  }
  for (;;) raw_syscall(SYS_ppoll, 0, 0, 0, 0, 0);
}

}  // namespace

Doorbell::Doorbell() : start_{::getpid(), starting}, task_("the doorbell", sleep_for_ever, &start_) {}

void Doorbell::ring() noexcept {
  // Stopped before it has asked to die with the host it would outlive that, and keep its pipes open: then it stops
  // itself, as soon as it has (Doorbell.RungAtItsBirthDiesWithItsHost).
  std::uint32_t expected = starting;
  if (__atomic_compare_exchange_n(&start_.state, &expected, rung, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return;
  if (expected == ready) ::kill(tid(), SIGSTOP);
}

bool Doorbell::answer() {
  const auto seen = look_one(tid(), Sleep::no);
  if (!seen) return true;
  if (seen->status.dead()) return false;
  // Ends the stop and whatever ring is on its way: who rang has left his message before.
  ::kill(tid(), SIGCONT);
  return true;
}

}  // namespace trapline::os
