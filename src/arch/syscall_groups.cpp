#include <algorithm>
#include <string_view>

#include "arch/syscall_table.hpp"

namespace trapline::arch {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::string_view groups[] = {"file",   "desc",   "network", "net",   "process",
                                       "memory", "signal", "ipc",     "creds", "clock"};

// One name a line would be pages of them.
// clang-format off
// What the parameters do not tell. The sets are strace's (strace(1), "-e trace="), and a little more where its classes leave
// out what their names promise: %desc has the sockets, %memory process_madvise, %network socketcall, %clock stime.
// clang-format off
constexpr std::string_view network[] = {
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom", "recvmmsg",
    "recvmsg", "sendfile", "sendfile64", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown", "socket", "socketcall",
    "socketpair", "getpmsg", "putpmsg", "recvmmsg_time64"};
constexpr std::string_view process[] = {
    "clone", "clone3", "execve", "execveat", "exit", "exit_group", "fork", "kill", "pidfd_send_signal", "rt_sigqueueinfo",
    "rt_tgsigqueueinfo", "tgkill", "tkill", "vfork", "wait4", "waitid", "waitpid"};
constexpr std::string_view memory[] = {
    "break", "brk", "get_mempolicy", "io_destroy", "io_setup", "io_uring_register", "madvise", "map_shadow_stack",
    "mbind", "migrate_pages", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mmap2", "move_pages", "mprotect", "mremap", "mseal", "msync", "munlock", "munlockall", "munmap",
    "pkey_mprotect", "process_madvise", "remap_file_pages", "set_mempolicy", "set_mempolicy_home_node", "shmat", "shmdt"};
constexpr std::string_view signal[] = {
    "io_uring_enter", "kill", "pause", "pidfd_send_signal", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
    "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_tgsigqueueinfo", "sgetmask",
    "sigaction", "sigaltstack", "signal", "signalfd", "signalfd4", "sigpending", "sigprocmask", "sigreturn", "sigsuspend",
    "ssetmask", "tgkill", "tkill"};
constexpr std::string_view ipc[] = {"ipc", "msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop",
                                    "semtimedop", "semtimedop_time64", "shmat", "shmctl", "shmdt", "shmget"};
constexpr std::string_view creds[] = {
    "capget", "capset", "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getgroups", "getgroups32",
    "getresgid", "getresgid32", "getresuid", "getresuid32", "getuid", "getuid32", "prctl", "setfsgid", "setfsgid32",
    "setfsuid", "setfsuid32", "setgid", "setgid32", "setgroups", "setgroups32", "setregid", "setregid32", "setresgid",
    "setresgid32", "setresuid", "setresuid32", "setreuid", "setreuid32", "setuid", "setuid32"};
constexpr std::string_view clock_calls[] = {
    "adjtimex", "clock_adjtime", "clock_adjtime64", "clock_getres", "clock_getres_time64", "clock_gettime",
    "clock_gettime64", "clock_settime", "clock_settime64", "gettimeofday", "settimeofday", "stime", "time"};
/// Calls about files that name them by descriptor only, or whose path is an odd parameter.
constexpr std::string_view more_file[] = {"getcwd", "fanotify_mark", "quotactl", "pivot_root", "fsconfig"};
/// Names that look like paths and are none.
constexpr std::string_view no_file[] = {"init_module", "finit_module", "memfd_create", "mq_open", "mq_unlink", "setdomainname",
                                        "sethostname", "syslog", "reboot", "add_key", "request_key", "delete_module"};
/// Calls that make or take descriptors without saying so in a parameter's name.
constexpr std::string_view more_desc[] = {
    "accept", "creat", "dup", "dup2", "dup3", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2",
    "epoll_wait", "eventfd", "eventfd2", "fanotify_init", "fsopen", "inotify_init", "inotify_init1", "io_uring_setup",
    "kexec_file_load", "memfd_create", "memfd_secret", "mmap", "mmap2", "mq_open", "open", "open_by_handle_at",
    "perf_event_open", "pidfd_getfd", "pidfd_open", "pipe", "pipe2", "poll", "ppoll", "ppoll_time64", "pselect6", "pselect6_time64", "select",
    "_newselect", "signalfd4", "socket", "socketcall", "socketpair", "timerfd_create", "userfaultfd", "bpf", "close_range",
    "landlock_create_ruleset"};
constexpr std::string_view fd_names[] = {"fd", "dfd", "dirfd", "olddfd", "newdfd", "fildes", "oldfd", "newfd", "fd_in",
                                         "fd_out", "in_fd", "out_fd", "epfd", "fdin", "fdout", "mqdes", "ufd", "pidfd",
                                         "group_fd", "from_dfd", "to_dfd", "fs_fd", "fanotify_fd", "ruleset_fd", "target_fd"};
constexpr std::string_view path_names[] = {"filename", "pathname", "path", "oldname", "newname", "dir_name", "dev_name",
                                           "new_root", "put_old", "library", "specialfile", "from_pathname", "to_pathname",
                                           "special", "old", "new", "name"};
// clang-format on
// clang-format on

bool contains(Names names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

bool text_pointer(const SyscallParam& param) { return param.type == "const char *" || param.type == "char *"; }

bool takes_path(const SyscallRow& row) {
  if (contains(no_file, row.name)) return false;
  if (row.name == "swapon" || row.name == "swapoff" || row.name == "uselib" || row.name == "acct") return true;
  for (std::size_t i = 0; i < row.param_count; ++i) {
    if (classify(row, i) == ParamKind::path) return true;
  }
  return contains(more_file, row.name);
}

bool takes_fd(const SyscallRow& row) {
  for (std::size_t i = 0; i < row.param_count; ++i) {
    const ParamKind kind = classify(row, i);
    if (kind == ParamKind::fd || kind == ParamKind::dirfd) return true;
  }
  return contains(more_desc, row.name);
}

struct Exception {
  std::string_view name;
  std::size_t index;
  ParamKind kind;
};

/// Where type and name of a parameter mislead.
constexpr Exception exceptions[] = {
    {"read", 1, ParamKind::output_buffer},
    {"pread64", 1, ParamKind::output_buffer},
    {"recvfrom", 1, ParamKind::output_buffer},
    {"write", 1, ParamKind::input_buffer},
    {"pwrite64", 1, ParamKind::input_buffer},
    {"sendto", 1, ParamKind::input_buffer},
    {"getrandom", 0, ParamKind::output_buffer},
    {"readlink", 1, ParamKind::output_buffer},
    {"readlinkat", 2, ParamKind::output_buffer},
    {"getcwd", 0, ParamKind::output_buffer},
    {"getxattr", 1, ParamKind::string},
    {"setxattr", 1, ParamKind::string},
    {"lgetxattr", 1, ParamKind::string},
    {"lsetxattr", 1, ParamKind::string},
    {"fgetxattr", 1, ParamKind::string},
    {"fsetxattr", 1, ParamKind::string},
    {"removexattr", 1, ParamKind::string},
    {"lremovexattr", 1, ParamKind::string},
    {"fremovexattr", 1, ParamKind::string},
    {"listxattr", 1, ParamKind::output_buffer},
    {"llistxattr", 1, ParamKind::output_buffer},
    {"flistxattr", 1, ParamKind::output_buffer},
    {"memfd_create", 0, ParamKind::string},
    {"mount", 2, ParamKind::string},
    {"mmap", 4, ParamKind::fd},
    {"mmap2", 4, ParamKind::fd},
    {"mmap", 0, ParamKind::pointer},
    {"mmap2", 0, ParamKind::pointer},
    {"munmap", 0, ParamKind::pointer},
    {"mprotect", 0, ParamKind::pointer},
    {"madvise", 0, ParamKind::pointer},
    {"mremap", 0, ParamKind::pointer},
    {"mremap", 4, ParamKind::pointer},
    {"msync", 0, ParamKind::pointer},
    {"mincore", 0, ParamKind::pointer},
    {"brk", 0, ParamKind::pointer},
    {"clone", 1, ParamKind::pointer},
    {"clone", 0, ParamKind::flags},
    {"symlink", 0, ParamKind::path},
    {"symlinkat", 0, ParamKind::path},
    {"sethostname", 0, ParamKind::string},
    {"setdomainname", 0, ParamKind::string},
    {"exit", 0, ParamKind::integer},
    {"exit_group", 0, ParamKind::integer},
    {"add_key", 0, ParamKind::string},
    {"add_key", 1, ParamKind::string},
    {"request_key", 0, ParamKind::string},
    {"request_key", 1, ParamKind::string},
    {"delete_module", 0, ParamKind::string},
    {"fsopen", 0, ParamKind::string},
    {"mq_open", 0, ParamKind::string},
    {"mq_unlink", 0, ParamKind::string},
    {"arch_prctl", 1, ParamKind::pointer},
    {"set_tid_address", 0, ParamKind::pointer},
    {"shmat", 1, ParamKind::pointer},
    {"shmdt", 0, ParamKind::pointer},
    {"syslog", 1, ParamKind::output_buffer},
};

bool unsigned_type(std::string_view type) {
  return type.starts_with("unsigned") || type == "size_t" || type == "u32" || type == "u64" || type == "__u32" ||
         type == "__u64" || type == "uid_t" || type == "gid_t";
}

ParamKind classify_number(const SyscallParam& param) {
  const std::string_view name = param.name;
  if (name == "dfd" || name == "dirfd" || name == "olddfd" || name == "newdfd" || name == "from_dfd" ||
      name == "to_dfd") {
    return ParamKind::dirfd;
  }
  if (contains(fd_names, name)) return ParamKind::fd;
  if (name == "sig" || name == "signum" || name == "signr") return ParamKind::signal;
  if (name == "pid" || name == "tgid" || name == "upid" || param.type == "pid_t") return ParamKind::pid;
  if (name == "mode" && (param.type == "umode_t" || param.type == "mode_t" || param.type == "int"))
    return ParamKind::mode;
  if (param.type == "umode_t") return ParamKind::mode;
  if (name == "flags" || name == "flag" || name == "prot" || name == "unshare_flags" || name == "at_flags")
    return ParamKind::flags;
  if (param.type == "size_t") return ParamKind::size;
  return unsigned_type(param.type) ? ParamKind::unsigned_integer : ParamKind::integer;
}

}  // namespace

ParamKind classify(const SyscallRow& row, std::size_t index) {
  const auto exception =
      std::ranges::find_if(exceptions, [&](const Exception& e) { return e.name == row.name && e.index == index; });
  if (exception != std::end(exceptions)) return exception->kind;
  const SyscallParam& param = row.all_params[index];
  if (text_pointer(param) && contains(path_names, param.name)) return ParamKind::path;
  if (param.type == "const char *") return ParamKind::string;
  if (param.type.ends_with('*')) return ParamKind::pointer;
  return classify_number(param);
}

bool in_group(std::string_view group, const SyscallRow& row) {
  if (group == "file") return takes_path(row);
  if (group == "desc") return takes_fd(row);
  if (group == "network" || group == "net") return contains(network, row.name);
  if (group == "process") return contains(process, row.name);
  if (group == "memory") return contains(memory, row.name);
  if (group == "signal") return contains(signal, row.name);
  if (group == "ipc") return contains(ipc, row.name);
  if (group == "creds") return contains(creds, row.name);
  return group == "clock" && contains(clock_calls, row.name);
}

std::span<const std::string_view> group_names() { return groups; }

}  // namespace trapline::arch
