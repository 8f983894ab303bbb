#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

#include "arch/syscall_table.hpp"

namespace trapline::arch {
namespace {

using Names = std::set<std::string>;

Names words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

Names members(Abi abi, const std::string& group) {
  Names names;
  for (const std::int32_t number : select_syscalls(abi, "%" + group).numbers)
    names.emplace(find_syscall(abi, number)->name);
  return names;
}

struct Group {
  const char* name;
  const char* members;
};

class Groups : public ::testing::TestWithParam<Group> {};

TEST_P(Groups, have_these_members) { EXPECT_EQ(members(Abi::amd64, GetParam().name), words(GetParam().members)); }

// What `strace -e trace=%GROUP` traces on x86-64; %desc has the sockets too, and %memory process_madvise.
INSTANTIATE_TEST_SUITE_P(
    amd64, Groups,
    ::testing::Values(
        Group{"file",
              "access acct chdir chmod chown chroot creat execve execveat faccessat faccessat2 fanotify_mark "
              "fchmodat fchmodat2 fchownat file_getattr file_setattr fsconfig fspick futimesat getcwd getxattr "
              "getxattrat inotify_add_watch lchown lgetxattr link linkat listxattr listxattrat llistxattr "
              "lremovexattr lsetxattr lstat mkdir mkdirat mknod mknodat mount mount_setattr move_mount "
              "name_to_handle_at newfstatat open open_tree open_tree_attr openat openat2 pivot_root quotactl "
              "readlink readlinkat removexattr removexattrat rename renameat renameat2 rmdir setxattr setxattrat "
              "stat statfs statx swapoff swapon symlink symlinkat truncate umount2 unlink unlinkat uselib utime "
              "utimensat utimes"},
        Group{"desc",
              "accept accept4 bind bpf cachestat close close_range connect copy_file_range creat dup dup2 dup3 "
              "epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execveat "
              "faccessat faccessat2 fadvise64 fallocate fanotify_init fanotify_mark fchdir fchmod fchmodat "
              "fchmodat2 fchown fchownat fcntl fdatasync fgetxattr file_getattr file_setattr finit_module "
              "flistxattr flock fremovexattr fsconfig fsetxattr fsmount fsopen fspick fstat fstatfs fsync ftruncate "
              "futimesat getdents getdents64 getpeername getsockname getsockopt getxattrat inotify_add_watch "
              "inotify_init inotify_init1 inotify_rm_watch io_uring_enter io_uring_register io_uring_setup ioctl "
              "kexec_file_load landlock_add_rule landlock_create_ruleset landlock_restrict_self linkat listen "
              "listxattrat lseek memfd_create memfd_secret mkdirat mknodat mmap mount_setattr move_mount "
              "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend name_to_handle_at newfstatat open "
              "open_by_handle_at open_tree open_tree_attr openat openat2 perf_event_open pidfd_getfd pidfd_open "
              "pidfd_send_signal pipe pipe2 poll ppoll pread64 preadv preadv2 process_madvise process_mrelease "
              "pselect6 pwrite64 pwritev pwritev2 quotactl_fd read readahead readlinkat readv recvfrom recvmmsg "
              "recvmsg removexattrat renameat renameat2 select sendfile sendmmsg sendmsg sendto setns setsockopt "
              "setxattrat shutdown signalfd signalfd4 socket socketpair splice statx symlinkat sync_file_range "
              "syncfs tee timerfd_create timerfd_gettime timerfd_settime unlinkat userfaultfd utimensat vmsplice "
              "write writev"},
        Group{"network",
              "accept accept4 bind connect getpeername getpmsg getsockname getsockopt listen putpmsg recvfrom "
              "recvmmsg recvmsg sendfile sendmmsg sendmsg sendto setsockopt shutdown socket socketpair"},
        Group{"process",
              "clone clone3 execve execveat exit exit_group fork kill pidfd_send_signal rt_sigqueueinfo "
              "rt_tgsigqueueinfo tgkill tkill vfork wait4 waitid"},
        Group{"memory",
              "brk get_mempolicy io_destroy io_setup io_uring_register madvise map_shadow_stack mbind migrate_pages "
              "mincore mlock mlock2 mlockall mmap move_pages mprotect mremap mseal msync munlock munlockall munmap "
              "pkey_mprotect process_madvise remap_file_pages set_mempolicy set_mempolicy_home_node shmat shmdt"},
        Group{"signal",
              "io_uring_enter kill pause pidfd_send_signal rt_sigaction rt_sigpending rt_sigprocmask "
              "rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sigaltstack signalfd "
              "signalfd4 tgkill tkill"},
        Group{"ipc", "msgctl msgget msgrcv msgsnd semctl semget semop semtimedop shmat shmctl shmdt shmget"},
        Group{"creds",
              "capget capset getegid geteuid getgid getgroups getresgid getresuid getuid prctl setfsgid setfsuid "
              "setgid setgroups setregid setresgid setresuid setreuid setuid"},
        Group{"clock",
              "adjtimex clock_adjtime clock_getres clock_gettime clock_settime gettimeofday settimeofday time"}),
    [](const auto& group) { return std::string(group.param.name); });

TEST(SyscallGroups, net_is_network) { EXPECT_EQ(members(Abi::amd64, "net"), members(Abi::amd64, "network")); }

TEST(SyscallGroups, a_call_may_be_in_several) {
  for (const char* group : {"file", "desc"}) EXPECT_TRUE(members(Abi::amd64, group).contains("openat")) << group;
  for (const char* group : {"signal", "process"}) EXPECT_TRUE(members(Abi::amd64, group).contains("kill")) << group;
  for (const char* group : {"memory", "ipc"}) EXPECT_TRUE(members(Abi::amd64, group).contains("shmat")) << group;
}

/// Calls of that table that must be in the group.
void expect_members(Abi abi, const std::string& group, const char* list) {
  const Names names = members(abi, group);
  for (const std::string& name : words(list)) EXPECT_TRUE(names.contains(name)) << name << " in %" << group;
}

TEST(SyscallGroups, of_i386) {
  expect_members(Abi::i386, "file",
                 "open stat64 lstat64 oldstat chown chown32 umount umount2 truncate64 statfs64 fstatat64 uselib");
  expect_members(
      Abi::i386, "desc",
      "fstat64 _llseek fcntl64 mmap2 _newselect select pselect6_time64 ppoll_time64 ftruncate64 mmap socketcall");
  expect_members(Abi::i386, "network", "socketcall accept4 sendfile64 recvmmsg_time64");
  expect_members(Abi::i386, "process", "waitpid fork clone execve exit");
  expect_members(Abi::i386, "memory", "mmap mmap2 brk");
  expect_members(Abi::i386, "signal", "signal sigaction sigreturn sgetmask ssetmask rt_sigtimedwait_time64");
  expect_members(Abi::i386, "ipc", "ipc semtimedop_time64 shmget");
  expect_members(Abi::i386, "creds", "getuid getuid32 setresgid32");
  expect_members(Abi::i386, "clock", "time stime clock_gettime64");
}

TEST(SyscallGroups, of_aarch64) {
  expect_members(Abi::aarch64, "file", "openat newfstatat unlinkat execve chdir statfs truncate");
  expect_members(Abi::aarch64, "desc", "openat read fstat epoll_pwait mmap ppoll pipe2 dup3");
  expect_members(Abi::aarch64, "network", "socket sendto accept4 sendfile");
  expect_members(Abi::aarch64, "process", "clone clone3 execve exit_group wait4");
  expect_members(Abi::aarch64, "memory", "mmap munmap brk mprotect");
  expect_members(Abi::aarch64, "signal", "rt_sigaction tgkill");
  expect_members(Abi::aarch64, "ipc", "semtimedop shmget msgsnd");
}

}  // namespace
}  // namespace trapline::arch
