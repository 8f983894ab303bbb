#include "os/spawn_child.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>

#include "os/raw_clone.hpp"

// Everything here runs in a task that shares the host's memory and, for all that libc knows, is the host's thread: no
// libc, no errno, no C++ runtime, no sanitizer.

namespace trapline::os {
namespace {

constexpr int first_free_descriptor = 3;
constexpr long close_on_exec_flag = 4;  // CLOSE_RANGE_CLOEXEC

TRAPLINE_RAW_CODE inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
  return raw_syscall(number, a, b, c, d, e);
}

template <class T>
TRAPLINE_RAW_CODE inline long word(const T* pointer) {
  return reinterpret_cast<long>(pointer);
}

[[noreturn]] TRAPLINE_RAW_CODE inline void leave() {
  for (;;) call(SYS_exit_group, 127);
}

TRAPLINE_RAW_CODE void check(SpawnChild& child, SpawnStep step, long result) {
  if (result >= 0) return;
  child.error = static_cast<int>(-result);
  child.failed_step = step;
  leave();
}

TRAPLINE_RAW_CODE void await_release(SpawnChild& child) {
  call(SYS_set_tid_address, word(&child.in_host_memory));
  call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  // The host may have died before that. (A parent in an outer pid namespace is seen as 0.)
  const long parent = call(SYS_getppid);
  if (parent != child.host && parent != 0) leave();
  const volatile std::uint32_t& released = child.released;
  while (released == 0) call(SYS_futex, word(&child.released), FUTEX_WAIT_PRIVATE, 0, 0);
}

TRAPLINE_RAW_CODE void reset_dispositions(SpawnChild& child) {
  for (long signal = 1; signal <= 64; ++signal) {
    if ((child.signals_to_reset >> (signal - 1) & 1) == 0) continue;
    // SIGKILL and SIGSTOP refuse, harmlessly.
    call(SYS_rt_sigaction, signal, word(&child.default_action), 0, 8);
  }
}

TRAPLINE_RAW_CODE void make_session(SpawnChild& child) {
  if (!child.new_session) return;
  check(child, SpawnStep::new_session, call(SYS_setsid));
  check(child, SpawnStep::controlling_tty, call(SYS_ioctl, child.tty, TIOCSCTTY, 0));
}

TRAPLINE_RAW_CODE void place_stdio(SpawnChild& child) {
  // One that sits where another one goes (the host had closed its own stdin) moves out of the way first.
  for (int i = 0; i < first_free_descriptor; ++i) {
    int& fd = child.stdio[i];
    if (fd < 0 || fd >= first_free_descriptor || fd == i) continue;
    const long moved = call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, first_free_descriptor);
    check(child, SpawnStep::stdio, moved);
    fd = static_cast<int>(moved);
  }
  for (int i = 0; i < first_free_descriptor; ++i) {
    const int fd = child.stdio[i];
    if (fd >= 0 && fd != i) {
      check(child, SpawnStep::stdio, call(SYS_dup3, fd, i, 0));
    } else {
      const long result = call(SYS_fcntl, i, F_SETFD, 0);
      if (fd >= 0) check(child, SpawnStep::stdio, result);  // The host's own may well be closed.
    }
  }
}

/// The number that a name in /proc/self/fd spells; -1 for "." and "..".
TRAPLINE_RAW_CODE long parse_descriptor(const char* name) {
  if (*name < '0' || *name > '9') return -1;
  long fd = 0;
  for (; *name != '\0'; ++name) fd = fd * 10 + (*name - '0');
  return fd;
}

/// struct linux_dirent64 of getdents64(2), which no header has.
struct DirectoryEntry {
  std::uint64_t inode;
  std::int64_t offset;
  std::uint16_t size;
  std::uint8_t type;
  char name[1];
};

TRAPLINE_RAW_CODE void mark_close_on_exec_one_by_one(SpawnChild& child) {
  const long directory = call(SYS_openat, AT_FDCWD, word("/proc/self/fd"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  check(child, SpawnStep::descriptors, directory);
  for (;;) {
    const long filled = call(SYS_getdents64, directory, word(child.buffer), sizeof child.buffer);
    check(child, SpawnStep::descriptors, filled);
    if (filled == 0) break;
    for (long at = 0; at < filled;) {
      const auto* entry = reinterpret_cast<const DirectoryEntry*>(child.buffer + at);
      const long fd = parse_descriptor(entry->name);
      if (fd >= first_free_descriptor) call(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
      at += entry->size;
    }
  }
}

TRAPLINE_RAW_CODE void mark_close_on_exec(SpawnChild& child) {
  constexpr long all_ones = 0xffffffff;
  // The flag came with Linux 5.11; sandboxes forbid the call in their own ways.
  if (call(SYS_close_range, first_free_descriptor, all_ones, close_on_exec_flag) < 0)
    mark_close_on_exec_one_by_one(child);
}

TRAPLINE_RAW_CODE void enter_directory(SpawnChild& child) {
  if (child.base_directory != nullptr) {
    check(child, SpawnStep::directory, call(SYS_chdir, word(child.base_directory)));
  }
  if (child.directory != nullptr) check(child, SpawnStep::directory, call(SYS_chdir, word(child.directory)));
  if (child.set_umask) call(SYS_umask, static_cast<long>(child.umask));
}

TRAPLINE_RAW_CODE void set_personality(SpawnChild& child) {
  if (!child.disable_aslr) return;
  constexpr long only_ask = 0xffffffff;
  const long old = call(SYS_personality, only_ask);
  check(child, SpawnStep::personality, old);
  check(child, SpawnStep::personality, call(SYS_personality, old | ADDR_NO_RANDOMIZE));
}

TRAPLINE_RAW_CODE void set_limits(SpawnChild& child) {
  for (std::size_t i = 0; i < child.limit_count; ++i) {
    const SpawnChild::Limit& limit = child.limits[i];
    check(child, SpawnStep::limits, call(SYS_prlimit64, 0, limit.resource, word(limit.values), 0));
  }
}

TRAPLINE_RAW_CODE void set_scheduling(SpawnChild& child) {
  if (!child.set_scheduling) return;
  // Asked first: raising one's priority, even to what it is, can be forbidden.
  if (20 - call(SYS_getpriority, PRIO_PROCESS, 0) != child.nice) {
    check(child, SpawnStep::nice, call(SYS_setpriority, PRIO_PROCESS, 0, child.nice));
  }
  if (child.affinity_size == 0) return;
  const auto size = static_cast<long>(child.affinity_size);
  check(child, SpawnStep::affinity, call(SYS_sched_setaffinity, 0, size, word(child.affinity)));
}

TRAPLINE_RAW_CODE void set_identity(SpawnChild& child) {
  if (child.set_groups) {
    const long result = call(SYS_setgroups, static_cast<long>(child.group_count), word(&child.gid));
    // Who may not drop groups may not become anybody else either, and that is checked below.
    if (result != -EPERM) check(child, SpawnStep::groups, result);
  }
  const long gid = child.gid;
  if (child.set_gid) check(child, SpawnStep::gid, call(SYS_setresgid, gid, gid, gid));
  const long uid = child.uid;
  if (child.set_uid) check(child, SpawnStep::uid, call(SYS_setresuid, uid, uid, uid));
}

TRAPLINE_RAW_CODE void install_filter(SpawnChild& child) {
  if (child.filter.len == 0) return;
  // Before Linux 5.16 a filter slows the program down otherwise, against attacks that ours is no defence against.
  constexpr long flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  const auto install = [&] { return call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, word(&child.filter)); };
  long result = install();
  if (result == -EACCES) {
    // Who may not administer may filter only a process that can gain no privileges.
    call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
    result = install();
  }
  child.filtered = result == 0;
}

}  // namespace

TRAPLINE_RAW_CODE void run_spawn_child(void* argument) {
  SpawnChild& child = *static_cast<SpawnChild*>(argument);
  await_release(child);
  reset_dispositions(child);
  make_session(child);
  place_stdio(child);
  if (!child.keep_descriptors) mark_close_on_exec(child);
  enter_directory(child);
  set_personality(child);
  set_limits(child);
  set_scheduling(child);
  set_identity(child);
  // It would outlive the exec; from here on PTRACE_O_EXITKILL decides.
  call(SYS_prctl, PR_SET_PDEATHSIG, 0);
  check(child, SpawnStep::signals, call(SYS_rt_sigprocmask, SIG_SETMASK, word(&child.signal_mask), 0, 8));
  install_filter(child);
  check(child, SpawnStep::exec, call(SYS_execve, word(child.path), word(child.argv), word(child.env)));
  leave();
}

}  // namespace trapline::os
