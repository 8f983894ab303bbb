#include "arch/argument_format.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

#include "arch/syscall_table.hpp"

namespace trapline::arch {
namespace {

using Kind = ArgumentKind;
namespace words = vocabulary;

/// What the type and name of a parameter do not tell.
struct Special {
  std::string_view syscall;
  std::uint8_t index;
  Kind kind;
  std::uint8_t other = 0;
};

constexpr Special specials[] = {
    {"read", 1, Kind::out_bytes},
    {"pread64", 1, Kind::out_bytes},
    {"recvfrom", 1, Kind::out_bytes},
    {"recvfrom", 4, Kind::out_socket_address, 5},
    {"recvfrom", 5, Kind::out_int},
    {"getrandom", 0, Kind::out_bytes},
    {"readlink", 1, Kind::out_bytes},
    {"readlinkat", 2, Kind::out_bytes},
    {"getxattr", 2, Kind::out_bytes},
    {"lgetxattr", 2, Kind::out_bytes},
    {"fgetxattr", 2, Kind::out_bytes},
    {"listxattr", 1, Kind::out_bytes},
    {"llistxattr", 1, Kind::out_bytes},
    {"flistxattr", 1, Kind::out_bytes},
    {"getcwd", 0, Kind::out_path},
    {"write", 1, Kind::bytes, 2},
    {"pwrite64", 1, Kind::bytes, 2},
    {"sendto", 1, Kind::bytes, 2},
    {"sendto", 4, Kind::socket_address, 5},
    {"setxattr", 2, Kind::bytes, 3},
    {"lsetxattr", 2, Kind::bytes, 3},
    {"fsetxattr", 2, Kind::bytes, 3},
    {"readv", 1, Kind::out_iovec, 2},
    {"preadv", 1, Kind::out_iovec, 2},
    {"preadv2", 1, Kind::out_iovec, 2},
    {"writev", 1, Kind::iovec, 2},
    {"pwritev", 1, Kind::iovec, 2},
    {"pwritev2", 1, Kind::iovec, 2},
    {"vmsplice", 1, Kind::iovec, 2},
    {"execve", 1, Kind::strings},
    {"execve", 2, Kind::environment},
    {"execveat", 2, Kind::strings},
    {"execveat", 3, Kind::environment},
    {"stat", 1, Kind::out_stat},
    {"lstat", 1, Kind::out_stat},
    {"fstat", 1, Kind::out_stat},
    {"newfstatat", 2, Kind::out_stat},
    {"statx", 4, Kind::out_statx},
    {"uname", 0, Kind::out_utsname},
    {"pipe", 0, Kind::out_fd_pair},
    {"pipe2", 0, Kind::out_fd_pair},
    {"socketpair", 3, Kind::out_fd_pair},
    {"wait4", 1, Kind::out_wait_status},
    {"getdents", 1, Kind::out_entries},
    {"getdents64", 1, Kind::out_entries},
    {"nanosleep", 0, Kind::timespec},
    {"nanosleep", 1, Kind::out_timespec},
    {"clock_nanosleep", 2, Kind::timespec},
    {"clock_nanosleep", 3, Kind::out_timespec},
    {"clock_gettime", 1, Kind::out_timespec},
    {"clock_getres", 1, Kind::out_timespec},
    {"clock_settime", 1, Kind::timespec},
    {"gettimeofday", 0, Kind::out_timeval},
    {"select", 4, Kind::timeval},
    {"pselect6", 4, Kind::timespec},
    {"ppoll", 2, Kind::timespec},
    {"poll", 0, Kind::poll_fds, 1},
    {"ppoll", 0, Kind::poll_fds, 1},
    {"futex", 3, Kind::hexadecimal},
    {"rt_sigaction", 1, Kind::signal_action},
    {"rt_sigaction", 2, Kind::out_signal_action},
    {"rt_sigprocmask", 1, Kind::sigset},
    {"rt_sigprocmask", 2, Kind::out_sigset},
    {"rt_sigpending", 0, Kind::out_sigset},
    {"rt_sigsuspend", 0, Kind::sigset},
    {"rt_sigtimedwait", 0, Kind::sigset},
    {"rt_sigtimedwait", 2, Kind::timespec},
    {"signalfd4", 1, Kind::sigset},
    {"ppoll", 3, Kind::sigset},
    {"epoll_pwait", 4, Kind::sigset},
    {"getrlimit", 1, Kind::out_limits},
    {"setrlimit", 1, Kind::limits},
    {"prlimit64", 2, Kind::limits},
    {"prlimit64", 3, Kind::out_limits},
    {"connect", 1, Kind::socket_address, 2},
    {"bind", 1, Kind::socket_address, 2},
    {"accept", 1, Kind::out_socket_address, 2},
    {"accept", 2, Kind::out_int},
    {"accept4", 1, Kind::out_socket_address, 2},
    {"accept4", 2, Kind::out_int},
    {"getsockname", 1, Kind::out_socket_address, 2},
    {"getsockname", 2, Kind::out_int},
    {"getpeername", 1, Kind::out_socket_address, 2},
    {"getpeername", 2, Kind::out_int},
    {"clone3", 0, Kind::clone_arguments},
    {"epoll_ctl", 3, Kind::epoll_event},
    {"umask", 0, Kind::octal},
    {"exit", 0, Kind::signed_int},
    {"exit_group", 0, Kind::signed_int},
    {"rt_sigprocmask", 3, Kind::unsigned_long},
    {"set_tid_address", 0, Kind::pointer},
    {"mmap", 5, Kind::hexadecimal},
    {"rseq", 3, Kind::hexadecimal},
    {"fcntl", 2, Kind::fcntl_argument, 1},
    {"fcntl64", 2, Kind::fcntl_argument, 1},
    {"dup", 0, Kind::fd},
    {"dup2", 0, Kind::fd},
    {"dup2", 1, Kind::signed_int},
    {"dup3", 1, Kind::signed_int},
    {"wait4", 0, Kind::signed_int},
    {"kill", 0, Kind::signed_int},
    {"ioctl", 2, Kind::hexadecimal},
    {"prctl", 1, Kind::hexadecimal},
    {"epoll_ctl", 2, Kind::fd},
};

struct Named {
  std::string_view syscall;
  std::uint8_t index;
  const Vocabulary& vocabulary;
};

constexpr Named named[] = {
    {"open", 1, words::open_flags},
    {"openat", 2, words::open_flags},
    {"open_by_handle_at", 2, words::open_flags},
    {"access", 1, words::access_mode},
    {"faccessat", 2, words::access_mode},
    {"faccessat2", 2, words::access_mode},
    {"faccessat2", 3, words::faccessat_flags},
    {"mmap", 2, words::protection},
    {"mmap", 3, words::map_flags},
    {"mmap2", 2, words::protection},
    {"mmap2", 3, words::map_flags},
    {"mprotect", 2, words::protection},
    {"pkey_mprotect", 2, words::protection},
    {"mremap", 3, words::mremap_flags},
    {"msync", 2, words::msync_flags},
    {"mlockall", 0, words::mlockall_flags},
    {"madvise", 2, words::memory_advice},
    {"process_madvise", 3, words::memory_advice},
    {"fadvise64", 3, words::file_advice},
    {"memfd_create", 1, words::memfd_flags},
    {"getrandom", 2, words::random_flags},
    {"newfstatat", 3, words::at_flags},
    {"fstatat64", 3, words::at_flags},
    {"unlinkat", 2, words::unlinkat_flags},
    {"linkat", 4, words::linkat_flags},
    {"fchownat", 4, words::at_flags},
    {"fchmodat2", 3, words::at_flags},
    {"utimensat", 3, words::at_flags},
    {"execveat", 4, words::at_flags},
    {"statx", 2, words::statx_flags},
    {"statx", 3, words::statx_mask},
    {"renameat2", 4, words::rename_flags},
    {"lseek", 2, words::whence},
    {"_llseek", 4, words::whence},
    {"clone", 0, words::clone_flags},
    {"unshare", 0, words::unshare_flags},
    {"setns", 1, words::unshare_flags},
    {"fcntl", 1, words::fcntl_command},
    {"fcntl64", 1, words::fcntl_command},
    {"flock", 1, words::lock_operation},
    {"fallocate", 1, words::fallocate_mode},
    {"pipe2", 1, words::pipe_flags},
    {"dup3", 2, words::pipe_flags},
    {"epoll_create1", 0, words::epoll_create_flags},
    {"epoll_ctl", 1, words::epoll_operation},
    {"eventfd2", 1, words::eventfd_flags},
    {"inotify_init1", 0, words::inotify_flags},
    {"timerfd_create", 0, words::clock},
    {"timerfd_create", 1, words::timerfd_flags},
    {"timerfd_settime", 1, words::clock_flags},
    {"signalfd4", 3, words::signalfd_flags},
    {"socket", 0, words::socket_domain},
    {"socket", 1, words::socket_type},
    {"socketpair", 0, words::socket_domain},
    {"socketpair", 1, words::socket_type},
    {"accept4", 3, words::socket_type},
    {"setsockopt", 1, words::socket_level},
    {"getsockopt", 1, words::socket_level},
    {"setsockopt", 2, words::socket_option},
    {"getsockopt", 2, words::socket_option},
    {"sendto", 3, words::message_flags},
    {"recvfrom", 3, words::message_flags},
    {"sendmsg", 2, words::message_flags},
    {"recvmsg", 2, words::message_flags},
    {"sendmmsg", 3, words::message_flags},
    {"recvmmsg", 3, words::message_flags},
    {"shutdown", 1, words::shutdown_how},
    {"rt_sigprocmask", 0, words::mask_how},
    {"wait4", 2, words::wait_options},
    {"waitpid", 2, words::wait_options},
    {"waitid", 0, words::wait_id},
    {"waitid", 3, words::wait_options},
    {"futex", 1, words::futex_operation},
    {"ioctl", 1, words::ioctl_command},
    {"clock_gettime", 0, words::clock},
    {"clock_getres", 0, words::clock},
    {"clock_settime", 0, words::clock},
    {"clock_nanosleep", 0, words::clock},
    {"clock_nanosleep", 1, words::clock_flags},
    {"timer_create", 0, words::clock},
    {"timer_settime", 1, words::clock_flags},
    {"setitimer", 0, words::interval_timer},
    {"getitimer", 0, words::interval_timer},
    {"getrlimit", 0, words::resource},
    {"setrlimit", 0, words::resource},
    {"prlimit64", 1, words::resource},
    {"getrusage", 0, words::usage_who},
    {"getpriority", 0, words::priority_who},
    {"setpriority", 0, words::priority_who},
    {"prctl", 0, words::prctl_option},
    {"arch_prctl", 0, words::arch_prctl_code},
    {"seccomp", 0, words::seccomp_operation},
    {"splice", 5, words::splice_flags},
    {"tee", 3, words::splice_flags},
    {"vmsplice", 3, words::splice_flags},
    {"mount", 3, words::mount_flags},
    {"umount2", 1, words::umount_flags},
    {"membarrier", 0, words::membarrier_command},
    {"sched_setscheduler", 1, words::scheduler_policy},
    {"sched_get_priority_max", 0, words::scheduler_policy},
    {"sched_get_priority_min", 0, words::scheduler_policy},
    {"close_range", 2, words::close_range_flags},
    {"rseq", 2, words::rseq_flags},
    {"ptrace", 0, words::ptrace_request},
};

struct Result {
  std::string_view syscall;
  ResultKind kind;
};

constexpr Result results[] = {{"fcntl", ResultKind::fcntl},
                              {"fcntl64", ResultKind::fcntl},
                              {"mmap", ResultKind::hexadecimal},
                              {"mmap2", ResultKind::hexadecimal},
                              {"brk", ResultKind::hexadecimal},
                              {"mremap", ResultKind::hexadecimal},
                              {"shmat", ResultKind::hexadecimal},
                              {"umask", ResultKind::octal},
                              {"open", ResultKind::fd},
                              {"openat", ResultKind::fd},
                              {"openat2", ResultKind::fd},
                              {"creat", ResultKind::fd},
                              {"dup", ResultKind::fd},
                              {"dup2", ResultKind::fd},
                              {"dup3", ResultKind::fd},
                              {"socket", ResultKind::fd},
                              {"accept", ResultKind::fd},
                              {"accept4", ResultKind::fd},
                              {"epoll_create", ResultKind::fd},
                              {"epoll_create1", ResultKind::fd},
                              {"eventfd", ResultKind::fd},
                              {"eventfd2", ResultKind::fd},
                              {"memfd_create", ResultKind::fd},
                              {"timerfd_create", ResultKind::fd},
                              {"signalfd4", ResultKind::fd},
                              {"inotify_init1", ResultKind::fd},
                              {"pidfd_open", ResultKind::fd}};

constexpr std::uint64_t open_creates = 020000100;  // O_CREAT, and what tells O_TMPFILE from O_DIRECTORY

Tail tail_of(std::string_view name) {
  if (name == "open" || name == "openat") return Tail::open_mode;
  if (name == "futex") return Tail::futex;
  return name == "fcntl" || name == "fcntl64" ? Tail::fcntl : Tail::fixed;
}

std::size_t futex_arguments(std::uint64_t operation) {
  switch (operation & 0x7f) {
    case 1:  // FUTEX_WAKE
    case 7:  // FUTEX_UNLOCK_PI
    case 8:  // FUTEX_TRYLOCK_PI
      return 3;
    case 0:  // FUTEX_WAIT
    case 6:  // FUTEX_LOCK_PI
      return 4;
    default: return 6;
  }
}

bool fcntl_takes_nothing(std::uint64_t command) {
  // F_GETFD, F_GETFL, F_GETOWN, F_GETSIG, F_GETLEASE, F_GETPIPE_SZ, F_GET_SEALS
  constexpr std::uint64_t getters[] = {1, 3, 9, 11, 1025, 1032, 1034};
  return std::ranges::find(getters, command) != std::end(getters);
}

Kind kind_of_number(const SyscallParam& param) {
  if (param.type == "int" || param.type.ends_with("pid_t") || param.type == "clockid_t") return Kind::signed_int;
  if (param.type == "long" || param.type.ends_with("off_t")) return Kind::signed_long;
  if (param.type == "unsigned int" || param.type == "unsigned" || param.type == "u32" || param.type == "__u32")
    return Kind::unsigned_int;
  if (param.type == "uid_t" || param.type == "gid_t") return Kind::signed_int;
  return Kind::unsigned_long;
}

Kind kind_of(const SyscallRow& row, std::size_t index) {
  const SyscallParam& param = row.all_params[index];
  switch (classify(row, index)) {
    case ParamKind::pointer:
    case ParamKind::input_buffer:
    case ParamKind::output_buffer: return Kind::pointer;
    case ParamKind::path: return Kind::path;
    case ParamKind::string: return Kind::string;
    case ParamKind::fd: return Kind::fd;
    case ParamKind::dirfd: return Kind::dirfd;
    case ParamKind::flags: return Kind::hexadecimal;
    case ParamKind::mode: return Kind::octal;
    case ParamKind::signal: return Kind::signal;
    case ParamKind::pid: return Kind::signed_int;
    case ParamKind::size: return Kind::unsigned_long;
    case ParamKind::integer:
    case ParamKind::unsigned_integer: break;
  }
  return param.type.ends_with('*') ? Kind::pointer : kind_of_number(param);
}

ArgumentFormat argument_format(Abi abi, const SyscallRow& row, std::size_t index) {
  const auto here = [&](const auto& entry) { return entry.syscall == row.name && entry.index == index; };
  if (const auto* found = std::ranges::find_if(named, here); found != std::end(named)) {
    const bool open = &found->vocabulary == &words::open_flags && abi == Abi::aarch64;
    return {.kind = Kind::constants, .vocabulary = open ? &words::open_flags_aarch64 : &found->vocabulary};
  }
  const auto* found = std::ranges::find_if(specials, here);
  if (found != std::end(specials)) return {.kind = found->kind, .other = found->other};
  return {.kind = kind_of(row, index)};
}

std::vector<SyscallFormat> make_formats(Abi abi) {
  std::vector<SyscallFormat> formats;
  for (const SyscallRow& row : syscalls(abi)) {
    SyscallFormat format{.name = row.name, .count = static_cast<std::uint8_t>(row.param_count)};
    for (std::size_t i = 0; i < row.param_count; ++i) format.arguments[i] = argument_format(abi, row, i);
    format.tail = tail_of(row.name);
    const auto* result = std::ranges::find(results, row.name, &Result::syscall);
    if (result != std::end(results)) format.result = result->kind;
    formats.push_back(format);
  }
  return formats;
}

const std::vector<SyscallFormat>& formats_of(Abi abi) {
  // Made at the first use: a program that prints nothing pays nothing.
  switch (abi) {
    case Abi::amd64: {
      static const auto formats = make_formats(Abi::amd64);
      return formats;
    }
    case Abi::i386: {
      static const auto formats = make_formats(Abi::i386);
      return formats;
    }
    case Abi::aarch64: break;
  }
  static const auto formats = make_formats(Abi::aarch64);
  return formats;
}

}  // namespace

std::size_t SyscallFormat::used(const std::array<std::uint64_t, 6>& args) const {
  switch (tail) {
    case Tail::fixed: break;
    case Tail::open_mode: return (args[count - 2U] & open_creates) == 0 ? count - 1U : count;
    case Tail::futex: return futex_arguments(args[1]);
    case Tail::fcntl: return fcntl_takes_nothing(args[1]) ? 2 : 3;
  }
  return count;
}

const Vocabulary* fcntl_vocabulary(Abi abi, std::uint64_t command) {
  constexpr std::uint64_t getfd = 1, setfd = 2, getfl = 3, setfl = 4;
  if (command == getfd || command == setfd) return &words::descriptor_flags;
  if (command != getfl && command != setfl) return nullptr;
  return abi == Abi::aarch64 ? &words::open_flags_aarch64 : &words::open_flags;
}

const SyscallFormat* syscall_format(Abi abi, std::int64_t number) {
  const SyscallRow* row = find_syscall(abi, number);
  if (row == nullptr) return nullptr;
  return &formats_of(abi)[static_cast<std::size_t>(row - syscalls(abi).data())];
}

}  // namespace trapline::arch
