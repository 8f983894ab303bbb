#include "os/guardian.hpp"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

#include "os/raw_clone.hpp"

namespace trapline::os {
namespace {

/// The kernel's word for the tracer thread's death. One that nobody sends: a program may send SIGTERM to its own
/// process group, of which this task is at first.
constexpr int death = 63;
/// As the kernel counts them (sigset_t of rt_sigprocmask(2)).
constexpr unsigned long set_of_death = 1UL << (death - 1);

template <class T>
TRAPLINE_RAW_CODE inline T read_word(const T& place) {
  return __atomic_load_n(&place, __ATOMIC_ACQUIRE);
}

/// Whether it may use one CPU only, that one: somebody else may have changed that, or have the id by now.
TRAPLINE_RAW_CODE inline bool is_bound(pid_t tid, int cpu) {
  constexpr long largest = 1024;
  unsigned char bits[largest];  // NOLINT(*-member-init): zeroing it would call the libc
  const long filled = raw_syscall(SYS_sched_getaffinity, tid, largest, reinterpret_cast<long>(bits), 0, 0);
  for (long i = 0; i < filled; ++i) {
    if (bits[i] != (i == cpu / 8 ? 1 << cpu % 8 : 0)) return false;
  }
  return filled > cpu / 8;
}

}  // namespace

Guardian::Guardian(const TrapLedger& traps, const AffinityLedger& affinities)
    : post_{&traps, &affinities, ::getpid()}, task_("the guardian", watch, &post_) {}

TRAPLINE_RAW_CODE void Guardian::watch(void* argument) {
  const Post& post = *static_cast<const Post*>(argument);
  const unsigned long all_blocked = ~0UL;
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&all_blocked), 0, sizeof all_blocked, 0);
  raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, death, 0, 0, 0);
  // Whoever kills the host's process group means the host (test_one_cpu_lasts_as_long_as_the_tracing).
  raw_syscall(SYS_setpgid, 0, 0, 0, 0, 0);
  constexpr char name[] = "trapline-guard";
  raw_syscall(SYS_prctl, PR_SET_NAME, reinterpret_cast<long>(name), 0, 0, 0);
  // The host may have died before it was to be told.
  while (raw_syscall(SYS_getppid, 0, 0, 0, 0, 0) == post.host) {
    const long signal =
        raw_syscall(SYS_rt_sigtimedwait, reinterpret_cast<long>(&set_of_death), 0, 0, sizeof set_of_death, 0);
    if (signal == death) break;
  }
  put_back(*post.traps);
  give_back(*post.affinities);
  raw_syscall(SYS_exit, 0, 0, 0, 0, 0);
}

TRAPLINE_RAW_CODE void Guardian::put_back(const TrapLedger& ledger) {
  for (const auto* page = read_word(ledger.first_); page != nullptr; page = read_word(page->next_)) {
    const int file = page->file_;
    for (const auto* chunk = read_word(page->entries_.first_); chunk != nullptr; chunk = chunk->next) {
      const auto* const entries = reinterpret_cast<const TrapLedger::Entry*>(&chunk->entries);
      for (unsigned long i = 0; i < chunk->size; ++i) {
        const TrapLedger::Entry& entry = entries[i];
        const std::uint32_t mask = read_word(entry.mask);
        if (mask == 0) continue;
        std::uint32_t now = 0;
        const auto at = static_cast<long>(entry.address);
        if (raw_syscall(SYS_pread64, file, reinterpret_cast<long>(&now), entry.size, at, 0) != entry.size) continue;
        // The program may have written something else there.
        if ((now & mask) != (entry.trap & mask)) continue;
        raw_syscall(SYS_pwrite64, file, reinterpret_cast<long>(&entry.original), entry.size, at, 0);
      }
    }
  }
}

TRAPLINE_RAW_CODE void Guardian::give_back(const AffinityLedger& ledger) {
  for (const auto* chunk = read_word(ledger.entries_.first_); chunk != nullptr; chunk = chunk->next) {
    const auto* const entries = reinterpret_cast<const AffinityLedger::Entry*>(&chunk->entries);
    for (unsigned long i = 0; i < chunk->size; ++i) {
      const pid_t tid = read_word(entries[i].tid);
      if (tid == 0 || !is_bound(tid, entries[i].bound_to)) continue;
      const auto* own = read_word(entries[i].own);
      raw_syscall(SYS_sched_setaffinity, tid, static_cast<long>(own->size), reinterpret_cast<long>(own->bits), 0, 0);
    }
  }
}

}  // namespace trapline::os
