#include "arch/syscall_kin.hpp"

#include <algorithm>
#include <array>

namespace trapline::arch {
namespace {

// clang-format off
constexpr std::string_view kin[] = {
    "nanosleep", "clock_nanosleep", "clock_nanosleep_time64", "",
    "open", "openat", "openat2", "creat", "",
    "stat", "lstat", "fstat", "newfstatat", "statx", "stat64", "lstat64", "fstat64", "fstatat64", "",
    "fork", "vfork", "clone", "clone3", "",
    "execve", "execveat", "",
    "exit", "exit_group", "",
    "waitpid", "wait4", "waitid", "",
    "kill", "tkill", "tgkill", "rt_sigqueueinfo", "pidfd_send_signal", "",
    "signal", "sigaction", "rt_sigaction", "",
    "sigprocmask", "rt_sigprocmask", "",
    "sigsuspend", "rt_sigsuspend", "",
    "select", "_newselect", "pselect6", "pselect6_time64", "poll", "ppoll", "ppoll_time64", "",
    "epoll_wait", "epoll_pwait", "epoll_pwait2", "",
    "epoll_create", "epoll_create1", "",
    "eventfd", "eventfd2", "",
    "signalfd", "signalfd4", "",
    "inotify_init", "inotify_init1", "",
    "access", "faccessat", "faccessat2", "",
    "mkdir", "mkdirat", "",
    "unlink", "rmdir", "unlinkat", "",
    "rename", "renameat", "renameat2", "",
    "link", "linkat", "",
    "symlink", "symlinkat", "",
    "readlink", "readlinkat", "",
    "mknod", "mknodat", "",
    "chmod", "fchmodat", "fchmodat2", "",
    "chown", "lchown", "fchownat", "chown32", "lchown32", "",
    "utime", "utimes", "futimesat", "utimensat", "utimensat_time64", "",
    "readdir", "getdents", "getdents64", "",
    "dup2", "dup3", "",
    "pipe", "pipe2", "",
    "fcntl", "fcntl64", "",
    "mmap", "mmap2", "",
    "lseek", "_llseek", "",
    "read", "pread64", "readv", "preadv", "preadv2", "",
    "write", "pwrite64", "writev", "pwritev", "pwritev2", "",
    "truncate", "truncate64", "",
    "ftruncate", "ftruncate64", "",
    "statfs", "statfs64", "",
    "accept", "accept4", "",
    "send", "sendto", "sendmsg", "sendmmsg", "",
    "recv", "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64", "",
    "socketcall", "socket", "bind", "connect", "listen", "accept4", "",
    "getrlimit", "ugetrlimit", "prlimit64", "",
    "setrlimit", "prlimit64", "",
    "time", "gettimeofday", "clock_gettime", "clock_gettime64", "",
    "clock_getres", "clock_getres_time64", "",
    "futex", "futex_time64", "",
    "getuid", "getuid32", "",
    "setuid", "setuid32", "setreuid", "setresuid", "",
    "umount", "umount2", "",
    "memfd_create", "memfd_secret", "",
};
// clang-format on

}  // namespace

std::span<const std::string_view> syscall_kin(std::string_view name) {
  const std::span all(kin);
  for (std::size_t begin = 0; begin < all.size();) {
    std::size_t end = begin;
    while (!all[end].empty()) ++end;
    const auto family = all.subspan(begin, end - begin);
    if (std::ranges::find(family, name) != family.end()) return family;
    begin = end + 1;
  }
  return {};
}

}  // namespace trapline::arch
