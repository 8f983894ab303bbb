#include "arch/constants.hpp"

#include <fmt/format.h>

#include <iterator>

namespace trapline::arch {
namespace {

void append_name(std::string& out, std::size_t start, std::string_view name) {
  if (out.size() != start) out += '|';
  out += name;
}

void append_number(std::string& out, std::size_t start, std::uint64_t value) {
  if (out.size() != start) out += '|';
  fmt::format_to(std::back_inserter(out), fmt::runtime(value < 10 ? "{}" : "{:#x}"), value);
}

}  // namespace

void append_constants(std::string& out, const Vocabulary& vocabulary, std::uint64_t value) {
  const std::size_t start = out.size();
  const std::uint64_t chosen = value & vocabulary.enumeration;
  std::uint64_t left = value & ~vocabulary.enumeration;
  bool named = vocabulary.enumeration == 0;
  std::string_view nothing;
  for (const Constant& constant : vocabulary.constants) {
    if (constant.value == 0) nothing = constant.name;
    if (constant.value == chosen && !named) {
      append_name(out, start, constant.name);
      named = true;
    } else if (constant.value != 0 && (left & constant.value) == constant.value) {
      append_name(out, start, constant.name);
      left &= ~constant.value;
    }
  }
  if (!named) left |= chosen;
  if (left != 0) {
    append_number(out, start, left);
  } else if (out.size() == start) {
    out += nothing.empty() ? "0" : nothing;
  }
}

namespace vocabulary {
namespace {

// All tables are in this one file, long as it is, so that a row is added without looking for its place. The numbers are
// the kernel's and the same for all ABIs where nothing else is said.

constexpr Constant open_flag_names[] = {{0, "O_RDONLY"},          {1, "O_WRONLY"},          {2, "O_RDWR"},
                                        {0100, "O_CREAT"},        {0200, "O_EXCL"},         {0400, "O_NOCTTY"},
                                        {01000, "O_TRUNC"},       {02000, "O_APPEND"},      {04000, "O_NONBLOCK"},
                                        {04010000, "O_SYNC"},     {010000, "O_DSYNC"},      {020000, "FASYNC"},
                                        {040000, "O_DIRECT"},     {0100000, "O_LARGEFILE"}, {020200000, "O_TMPFILE"},
                                        {0200000, "O_DIRECTORY"}, {0400000, "O_NOFOLLOW"},  {01000000, "O_NOATIME"},
                                        {02000000, "O_CLOEXEC"},  {010000000, "O_PATH"}};
constexpr Constant open_flag_names_aarch64[] = {
    {0, "O_RDONLY"},         {1, "O_WRONLY"},          {2, "O_RDWR"},
    {0100, "O_CREAT"},       {0200, "O_EXCL"},         {0400, "O_NOCTTY"},
    {01000, "O_TRUNC"},      {02000, "O_APPEND"},      {04000, "O_NONBLOCK"},
    {04010000, "O_SYNC"},    {010000, "O_DSYNC"},      {020000, "FASYNC"},
    {0200000, "O_DIRECT"},   {0400000, "O_LARGEFILE"}, {020040000, "O_TMPFILE"},
    {040000, "O_DIRECTORY"}, {0100000, "O_NOFOLLOW"},  {01000000, "O_NOATIME"},
    {02000000, "O_CLOEXEC"}, {010000000, "O_PATH"}};
constexpr Constant access_names[] = {{0, "F_OK"}, {4, "R_OK"}, {2, "W_OK"}, {1, "X_OK"}};
constexpr Constant protection_names[] = {{0, "PROT_NONE"},
                                         {1, "PROT_READ"},
                                         {2, "PROT_WRITE"},
                                         {4, "PROT_EXEC"},
                                         {0x01000000, "PROT_GROWSDOWN"},
                                         {0x02000000, "PROT_GROWSUP"}};
constexpr Constant map_names[] = {{1, "MAP_SHARED"},
                                  {2, "MAP_PRIVATE"},
                                  {3, "MAP_SHARED_VALIDATE"},
                                  {0x10, "MAP_FIXED"},
                                  {0x20, "MAP_ANONYMOUS"},
                                  {0x40, "MAP_32BIT"},
                                  {0x100, "MAP_GROWSDOWN"},
                                  {0x800, "MAP_DENYWRITE"},
                                  {0x1000, "MAP_EXECUTABLE"},
                                  {0x2000, "MAP_LOCKED"},
                                  {0x4000, "MAP_NORESERVE"},
                                  {0x8000, "MAP_POPULATE"},
                                  {0x10000, "MAP_NONBLOCK"},
                                  {0x20000, "MAP_STACK"},
                                  {0x40000, "MAP_HUGETLB"},
                                  {0x80000, "MAP_SYNC"},
                                  {0x100000, "MAP_FIXED_NOREPLACE"}};
constexpr Constant at_names[] = {{0x100, "AT_SYMLINK_NOFOLLOW"},
                                 {0x200, "AT_REMOVEDIR"},
                                 {0x400, "AT_SYMLINK_FOLLOW"},
                                 {0x800, "AT_NO_AUTOMOUNT"},
                                 {0x1000, "AT_EMPTY_PATH"}};
constexpr Constant unlinkat_names[] = {{0x200, "AT_REMOVEDIR"}};
constexpr Constant faccessat_names[] = {
    {0x100, "AT_SYMLINK_NOFOLLOW"}, {0x200, "AT_EACCESS"}, {0x1000, "AT_EMPTY_PATH"}};
constexpr Constant linkat_names[] = {{0x400, "AT_SYMLINK_FOLLOW"}, {0x1000, "AT_EMPTY_PATH"}};
constexpr Constant statx_flag_names[] = {{0, "AT_STATX_SYNC_AS_STAT"},   {0x2000, "AT_STATX_FORCE_SYNC"},
                                         {0x4000, "AT_STATX_DONT_SYNC"}, {0x100, "AT_SYMLINK_NOFOLLOW"},
                                         {0x800, "AT_NO_AUTOMOUNT"},     {0x1000, "AT_EMPTY_PATH"}};
constexpr Constant statx_mask_names[] = {
    {0xfff, "STATX_ALL"},      {0x7ff, "STATX_BASIC_STATS"}, {1, "STATX_TYPE"},
    {2, "STATX_MODE"},         {4, "STATX_NLINK"},           {8, "STATX_UID"},
    {0x10, "STATX_GID"},       {0x20, "STATX_ATIME"},        {0x40, "STATX_MTIME"},
    {0x80, "STATX_CTIME"},     {0x100, "STATX_INO"},         {0x200, "STATX_SIZE"},
    {0x400, "STATX_BLOCKS"},   {0x800, "STATX_BTIME"},       {0x1000, "STATX_MNT_ID"},
    {0x2000, "STATX_DIOALIGN"}};
constexpr Constant rename_names[] = {{1, "RENAME_NOREPLACE"}, {2, "RENAME_EXCHANGE"}, {4, "RENAME_WHITEOUT"}};
constexpr Constant whence_names[] = {
    {0, "SEEK_SET"}, {1, "SEEK_CUR"}, {2, "SEEK_END"}, {3, "SEEK_DATA"}, {4, "SEEK_HOLE"}};
// The lowest byte of clone's flags is the signal of the child's death.
constexpr Constant clone_names[] = {

    {0x100, "CLONE_VM"},
    {0x200, "CLONE_FS"},
    {0x400, "CLONE_FILES"},
    {0x800, "CLONE_SIGHAND"},
    {0x1000, "CLONE_PIDFD"},
    {0x2000, "CLONE_PTRACE"},
    {0x4000, "CLONE_VFORK"},
    {0x8000, "CLONE_PARENT"},
    {0x10000, "CLONE_THREAD"},
    {0x20000, "CLONE_NEWNS"},
    {0x40000, "CLONE_SYSVSEM"},
    {0x80000, "CLONE_SETTLS"},
    {0x100000, "CLONE_PARENT_SETTID"},
    {0x200000, "CLONE_CHILD_CLEARTID"},
    {0x400000, "CLONE_DETACHED"},
    {0x800000, "CLONE_UNTRACED"},
    {0x1000000, "CLONE_CHILD_SETTID"},
    {0x2000000, "CLONE_NEWCGROUP"},
    {0x4000000, "CLONE_NEWUTS"},
    {0x8000000, "CLONE_NEWIPC"},
    {0x10000000, "CLONE_NEWUSER"},
    {0x20000000, "CLONE_NEWPID"},
    {0x40000000, "CLONE_NEWNET"},
    {0x80000000, "CLONE_IO"},
    {0x100000000, "CLONE_CLEAR_SIGHAND"},
    {0x200000000, "CLONE_INTO_CGROUP"},
    {10, "SIGUSR1"},
    {12, "SIGUSR2"},
    {17, "SIGCHLD"}};
constexpr Constant fcntl_names[] = {{0, "F_DUPFD"},         {1, "F_GETFD"},         {2, "F_SETFD"},
                                    {3, "F_GETFL"},         {4, "F_SETFL"},         {5, "F_GETLK"},
                                    {6, "F_SETLK"},         {7, "F_SETLKW"},        {8, "F_SETOWN"},
                                    {9, "F_GETOWN"},        {10, "F_SETSIG"},       {11, "F_GETSIG"},
                                    {15, "F_SETOWN_EX"},    {16, "F_GETOWN_EX"},    {36, "F_OFD_GETLK"},
                                    {37, "F_OFD_SETLK"},    {38, "F_OFD_SETLKW"},   {1024, "F_SETLEASE"},
                                    {1025, "F_GETLEASE"},   {1026, "F_NOTIFY"},     {1030, "F_DUPFD_CLOEXEC"},
                                    {1031, "F_SETPIPE_SZ"}, {1032, "F_GETPIPE_SZ"}, {1033, "F_ADD_SEALS"},
                                    {1034, "F_GET_SEALS"}};
constexpr Constant descriptor_names[] = {{1, "FD_CLOEXEC"}};
constexpr Constant lock_names[] = {{4, "LOCK_NB"}, {1, "LOCK_SH"}, {2, "LOCK_EX"}, {8, "LOCK_UN"}};
constexpr Constant fallocate_names[] = {{1, "FALLOC_FL_KEEP_SIZE"},
                                        {2, "FALLOC_FL_PUNCH_HOLE"},
                                        {8, "FALLOC_FL_COLLAPSE_RANGE"},
                                        {0x10, "FALLOC_FL_ZERO_RANGE"},
                                        {0x20, "FALLOC_FL_INSERT_RANGE"}};
constexpr Constant file_advice_names[] = {{0, "POSIX_FADV_NORMAL"},     {1, "POSIX_FADV_RANDOM"},
                                          {2, "POSIX_FADV_SEQUENTIAL"}, {3, "POSIX_FADV_WILLNEED"},
                                          {4, "POSIX_FADV_DONTNEED"},   {5, "POSIX_FADV_NOREUSE"}};
constexpr Constant memory_advice_names[] = {
    {0, "MADV_NORMAL"},         {1, "MADV_RANDOM"},     {2, "MADV_SEQUENTIAL"},   {3, "MADV_WILLNEED"},
    {4, "MADV_DONTNEED"},       {8, "MADV_FREE"},       {9, "MADV_REMOVE"},       {10, "MADV_DONTFORK"},
    {11, "MADV_DOFORK"},        {12, "MADV_MERGEABLE"}, {13, "MADV_UNMERGEABLE"}, {14, "MADV_HUGEPAGE"},
    {15, "MADV_NOHUGEPAGE"},    {16, "MADV_DONTDUMP"},  {17, "MADV_DODUMP"},      {18, "MADV_WIPEONFORK"},
    {19, "MADV_KEEPONFORK"},    {20, "MADV_COLD"},      {21, "MADV_PAGEOUT"},     {22, "MADV_POPULATE_READ"},
    {23, "MADV_POPULATE_WRITE"}};
constexpr Constant mremap_names[] = {{1, "MREMAP_MAYMOVE"}, {2, "MREMAP_FIXED"}, {4, "MREMAP_DONTUNMAP"}};
constexpr Constant msync_names[] = {{1, "MS_ASYNC"}, {2, "MS_INVALIDATE"}, {4, "MS_SYNC"}};
constexpr Constant mlockall_names[] = {{1, "MCL_CURRENT"}, {2, "MCL_FUTURE"}, {4, "MCL_ONFAULT"}};
constexpr Constant memfd_names[] = {
    {1, "MFD_CLOEXEC"}, {2, "MFD_ALLOW_SEALING"}, {4, "MFD_HUGETLB"}, {8, "MFD_NOEXEC_SEAL"}, {16, "MFD_EXEC"}};
constexpr Constant random_names[] = {{1, "GRND_NONBLOCK"}, {2, "GRND_RANDOM"}, {4, "GRND_INSECURE"}};
constexpr Constant pipe_names[] = {
    {02000000, "O_CLOEXEC"}, {04000, "O_NONBLOCK"}, {040000, "O_DIRECT"}, {0200, "O_NOTIFICATION_PIPE"}};
constexpr Constant epoll_operation_names[] = {{1, "EPOLL_CTL_ADD"}, {2, "EPOLL_CTL_DEL"}, {3, "EPOLL_CTL_MOD"}};
constexpr Constant epoll_event_names[] = {{1, "EPOLLIN"},
                                          {2, "EPOLLPRI"},
                                          {4, "EPOLLOUT"},
                                          {8, "EPOLLERR"},
                                          {0x10, "EPOLLHUP"},
                                          {0x2000, "EPOLLRDHUP"},
                                          {1u << 28, "EPOLLEXCLUSIVE"},
                                          {1u << 29, "EPOLLWAKEUP"},
                                          {1u << 30, "EPOLLONESHOT"},
                                          {1u << 31, "EPOLLET"}};
constexpr Constant poll_names[] = {{1, "POLLIN"},        {2, "POLLPRI"},       {4, "POLLOUT"},
                                   {8, "POLLERR"},       {0x10, "POLLHUP"},    {0x20, "POLLNVAL"},
                                   {0x40, "POLLRDNORM"}, {0x80, "POLLRDBAND"}, {0x2000, "POLLRDHUP"}};
constexpr Constant epoll_create_names[] = {{02000000, "EPOLL_CLOEXEC"}};
constexpr Constant eventfd_names[] = {{1, "EFD_SEMAPHORE"}, {02000000, "EFD_CLOEXEC"}, {04000, "EFD_NONBLOCK"}};
constexpr Constant inotify_names[] = {{02000000, "IN_CLOEXEC"}, {04000, "IN_NONBLOCK"}};
constexpr Constant timerfd_names[] = {{02000000, "TFD_CLOEXEC"}, {04000, "TFD_NONBLOCK"}};
constexpr Constant signalfd_names[] = {{02000000, "SFD_CLOEXEC"}, {04000, "SFD_NONBLOCK"}};
constexpr Constant domain_names[] = {{0, "AF_UNSPEC"},   {1, "AF_UNIX"},    {2, "AF_INET"}, {10, "AF_INET6"},
                                     {16, "AF_NETLINK"}, {17, "AF_PACKET"}, {29, "AF_CAN"}, {31, "AF_BLUETOOTH"},
                                     {38, "AF_ALG"},     {40, "AF_VSOCK"},  {44, "AF_XDP"}};
constexpr Constant socket_type_names[] = {{1, "SOCK_STREAM"},      {2, "SOCK_DGRAM"},     {3, "SOCK_RAW"},
                                          {4, "SOCK_RDM"},         {5, "SOCK_SEQPACKET"}, {02000000, "SOCK_CLOEXEC"},
                                          {04000, "SOCK_NONBLOCK"}};
constexpr Constant level_names[] = {{0, "SOL_IP"},   {1, "SOL_SOCKET"}, {6, "SOL_TCP"},
                                    {17, "SOL_UDP"}, {41, "SOL_IPV6"},  {270, "SOL_NETLINK"}};
constexpr Constant option_names[] = {
    {1, "SO_DEBUG"},        {2, "SO_REUSEADDR"},  {3, "SO_TYPE"},      {4, "SO_ERROR"},       {5, "SO_DONTROUTE"},
    {6, "SO_BROADCAST"},    {7, "SO_SNDBUF"},     {8, "SO_RCVBUF"},    {9, "SO_KEEPALIVE"},   {10, "SO_OOBINLINE"},
    {13, "SO_LINGER"},      {15, "SO_REUSEPORT"}, {16, "SO_PASSCRED"}, {17, "SO_PEERCRED"},   {18, "SO_RCVLOWAT"},
    {19, "SO_SNDLOWAT"},    {20, "SO_RCVTIMEO"},  {21, "SO_SNDTIMEO"}, {30, "SO_ACCEPTCONN"}, {32, "SO_SNDBUFFORCE"},
    {33, "SO_RCVBUFFORCE"}, {38, "SO_PROTOCOL"},  {39, "SO_DOMAIN"}};
constexpr Constant message_names[] = {{1, "MSG_OOB"},
                                      {2, "MSG_PEEK"},
                                      {4, "MSG_DONTROUTE"},
                                      {8, "MSG_CTRUNC"},
                                      {0x20, "MSG_TRUNC"},
                                      {0x40, "MSG_DONTWAIT"},
                                      {0x80, "MSG_EOR"},
                                      {0x100, "MSG_WAITALL"},
                                      {0x800, "MSG_CONFIRM"},
                                      {0x2000, "MSG_ERRQUEUE"},
                                      {0x4000, "MSG_NOSIGNAL"},
                                      {0x8000, "MSG_MORE"},
                                      {0x10000, "MSG_WAITFORONE"},
                                      {0x40000000, "MSG_CMSG_CLOEXEC"}};
constexpr Constant shutdown_names[] = {{0, "SHUT_RD"}, {1, "SHUT_WR"}, {2, "SHUT_RDWR"}};
constexpr Constant mask_names[] = {{0, "SIG_BLOCK"}, {1, "SIG_UNBLOCK"}, {2, "SIG_SETMASK"}};
constexpr Constant action_names[] = {
    {1, "SA_NOCLDSTOP"},        {2, "SA_NOCLDWAIT"},        {4, "SA_SIGINFO"},          {0x04000000, "SA_RESTORER"},
    {0x08000000, "SA_ONSTACK"}, {0x10000000, "SA_RESTART"}, {0x40000000, "SA_NODEFER"}, {0x80000000, "SA_RESETHAND"}};
constexpr Constant wait_names[] = {{1, "WNOHANG"},         {2, "WUNTRACED"},        {4, "WEXITED"},
                                   {8, "WCONTINUED"},      {0x01000000, "WNOWAIT"}, {0x20000000, "__WNOTHREAD"},
                                   {0x40000000, "__WALL"}, {0x80000000, "__WCLONE"}};
constexpr Constant wait_id_names[] = {{0, "P_ALL"}, {1, "P_PID"}, {2, "P_PGID"}, {3, "P_PIDFD"}};
constexpr Constant futex_names[] = {{0, "FUTEX_WAIT"},
                                    {1, "FUTEX_WAKE"},
                                    {2, "FUTEX_FD"},
                                    {3, "FUTEX_REQUEUE"},
                                    {4, "FUTEX_CMP_REQUEUE"},
                                    {5, "FUTEX_WAKE_OP"},
                                    {6, "FUTEX_LOCK_PI"},
                                    {7, "FUTEX_UNLOCK_PI"},
                                    {8, "FUTEX_TRYLOCK_PI"},
                                    {9, "FUTEX_WAIT_BITSET"},
                                    {10, "FUTEX_WAKE_BITSET"},
                                    {11, "FUTEX_WAIT_REQUEUE_PI"},
                                    {12, "FUTEX_CMP_REQUEUE_PI"},
                                    {13, "FUTEX_LOCK_PI2"},
                                    {0x80 + 0, "FUTEX_WAIT_PRIVATE"},
                                    {0x80 + 1, "FUTEX_WAKE_PRIVATE"},
                                    {0x80 + 3, "FUTEX_REQUEUE_PRIVATE"},
                                    {0x80 + 4, "FUTEX_CMP_REQUEUE_PRIVATE"},
                                    {0x80 + 5, "FUTEX_WAKE_OP_PRIVATE"},
                                    {0x80 + 6, "FUTEX_LOCK_PI_PRIVATE"},
                                    {0x80 + 7, "FUTEX_UNLOCK_PI_PRIVATE"},
                                    {0x80 + 8, "FUTEX_TRYLOCK_PI_PRIVATE"},
                                    {0x80 + 9, "FUTEX_WAIT_BITSET_PRIVATE"},
                                    {0x80 + 10, "FUTEX_WAKE_BITSET_PRIVATE"},
                                    {0x80 + 11, "FUTEX_WAIT_REQUEUE_PI_PRIVATE"},
                                    {0x80 + 12, "FUTEX_CMP_REQUEUE_PI_PRIVATE"},
                                    {0x80 + 13, "FUTEX_LOCK_PI2_PRIVATE"},
                                    {0x100, "FUTEX_CLOCK_REALTIME"}};
constexpr Constant ioctl_names[] = {
    {0x5401, "TCGETS"},       {0x5402, "TCSETS"},         {0x5403, "TCSETSW"},      {0x5404, "TCSETSF"},
    {0x5405, "TCGETA"},       {0x5409, "TCSBRK"},         {0x540a, "TCXONC"},       {0x540b, "TCFLSH"},
    {0x540c, "TIOCEXCL"},     {0x540e, "TIOCSCTTY"},      {0x540f, "TIOCGPGRP"},    {0x5410, "TIOCSPGRP"},
    {0x5411, "TIOCOUTQ"},     {0x5412, "TIOCSTI"},        {0x5413, "TIOCGWINSZ"},   {0x5414, "TIOCSWINSZ"},
    {0x541b, "FIONREAD"},     {0x5421, "FIONBIO"},        {0x5422, "TIOCNOTTY"},    {0x5425, "TCSBRKP"},
    {0x5429, "TIOCGSID"},     {0x5450, "FIONCLEX"},       {0x5451, "FIOCLEX"},      {0x5452, "FIOASYNC"},
    {0x80045430, "TIOCGPTN"}, {0x40045431, "TIOCSPTLCK"}, {0x802c542a, "TCGETS2"},  {0x402c542b, "TCSETS2"},
    {0x40049409, "FICLONE"},  {0x8912, "SIOCGIFCONF"},    {0x8913, "SIOCGIFFLAGS"}, {0x8933, "SIOCGIFINDEX"}};
constexpr Constant clock_names[] = {
    {0, "CLOCK_REALTIME"},          {1, "CLOCK_MONOTONIC"},     {2, "CLOCK_PROCESS_CPUTIME_ID"},
    {3, "CLOCK_THREAD_CPUTIME_ID"}, {4, "CLOCK_MONOTONIC_RAW"}, {5, "CLOCK_REALTIME_COARSE"},
    {6, "CLOCK_MONOTONIC_COARSE"},  {7, "CLOCK_BOOTTIME"},      {8, "CLOCK_REALTIME_ALARM"},
    {9, "CLOCK_BOOTTIME_ALARM"},    {11, "CLOCK_TAI"}};
constexpr Constant clock_flag_names[] = {{1, "TIMER_ABSTIME"}};
constexpr Constant interval_names[] = {{0, "ITIMER_REAL"}, {1, "ITIMER_VIRTUAL"}, {2, "ITIMER_PROF"}};
constexpr Constant resource_names[] = {
    {0, "RLIMIT_CPU"},       {1, "RLIMIT_FSIZE"}, {2, "RLIMIT_DATA"},    {3, "RLIMIT_STACK"},
    {4, "RLIMIT_CORE"},      {5, "RLIMIT_RSS"},   {6, "RLIMIT_NPROC"},   {7, "RLIMIT_NOFILE"},
    {8, "RLIMIT_MEMLOCK"},   {9, "RLIMIT_AS"},    {10, "RLIMIT_LOCKS"},  {11, "RLIMIT_SIGPENDING"},
    {12, "RLIMIT_MSGQUEUE"}, {13, "RLIMIT_NICE"}, {14, "RLIMIT_RTPRIO"}, {15, "RLIMIT_RTTIME"}};
constexpr Constant usage_names[] = {{0, "RUSAGE_SELF"}, {0xffffffff, "RUSAGE_CHILDREN"}, {1, "RUSAGE_THREAD"}};
constexpr Constant priority_names[] = {{0, "PRIO_PROCESS"}, {1, "PRIO_PGRP"}, {2, "PRIO_USER"}};
constexpr Constant prctl_names[] = {{1, "PR_SET_PDEATHSIG"},
                                    {2, "PR_GET_PDEATHSIG"},
                                    {3, "PR_GET_DUMPABLE"},
                                    {4, "PR_SET_DUMPABLE"},
                                    {7, "PR_GET_KEEPCAPS"},
                                    {8, "PR_SET_KEEPCAPS"},
                                    {15, "PR_SET_NAME"},
                                    {16, "PR_GET_NAME"},
                                    {21, "PR_GET_SECCOMP"},
                                    {22, "PR_SET_SECCOMP"},
                                    {23, "PR_CAPBSET_READ"},
                                    {24, "PR_CAPBSET_DROP"},
                                    {25, "PR_GET_TSC"},
                                    {26, "PR_SET_TSC"},
                                    {29, "PR_SET_TIMERSLACK"},
                                    {30, "PR_GET_TIMERSLACK"},
                                    {35, "PR_SET_MM"},
                                    {36, "PR_SET_CHILD_SUBREAPER"},
                                    {37, "PR_GET_CHILD_SUBREAPER"},
                                    {38, "PR_SET_NO_NEW_PRIVS"},
                                    {39, "PR_GET_NO_NEW_PRIVS"},
                                    {40, "PR_GET_TID_ADDRESS"},
                                    {41, "PR_SET_THP_DISABLE"},
                                    {47, "PR_CAP_AMBIENT"},
                                    {0x53564d41, "PR_SET_VMA"},
                                    {0x59616d61, "PR_SET_PTRACER"}};
constexpr Constant arch_prctl_names[] = {
    {0x1001, "ARCH_SET_GS"},         {0x1002, "ARCH_SET_FS"},         {0x1003, "ARCH_GET_FS"},
    {0x1004, "ARCH_GET_GS"},         {0x1011, "ARCH_GET_CPUID"},      {0x1012, "ARCH_SET_CPUID"},
    {0x1022, "ARCH_GET_XCOMP_PERM"}, {0x1023, "ARCH_REQ_XCOMP_PERM"}, {0x5001, "ARCH_SHSTK_ENABLE"},
    {0x5005, "ARCH_SHSTK_STATUS"},   {0x3001, "ARCH_CET_STATUS"}};
constexpr Constant seccomp_names[] = {{0, "SECCOMP_SET_MODE_STRICT"},
                                      {1, "SECCOMP_SET_MODE_FILTER"},
                                      {2, "SECCOMP_GET_ACTION_AVAIL"},
                                      {3, "SECCOMP_GET_NOTIF_SIZES"}};
constexpr Constant splice_names[] = {
    {1, "SPLICE_F_MOVE"}, {2, "SPLICE_F_NONBLOCK"}, {4, "SPLICE_F_MORE"}, {8, "SPLICE_F_GIFT"}};
constexpr Constant mount_names[] = {{1, "MS_RDONLY"},           {2, "MS_NOSUID"},        {4, "MS_NODEV"},
                                    {8, "MS_NOEXEC"},           {16, "MS_SYNCHRONOUS"},  {32, "MS_REMOUNT"},
                                    {1024, "MS_NOATIME"},       {2048, "MS_NODIRATIME"}, {4096, "MS_BIND"},
                                    {8192, "MS_MOVE"},          {16384, "MS_REC"},       {32768, "MS_SILENT"},
                                    {1 << 17, "MS_UNBINDABLE"}, {1 << 18, "MS_PRIVATE"}, {1 << 19, "MS_SLAVE"},
                                    {1 << 20, "MS_SHARED"},     {1 << 21, "MS_RELATIME"}};
constexpr Constant umount_names[] = {{1, "MNT_FORCE"}, {2, "MNT_DETACH"}, {4, "MNT_EXPIRE"}, {8, "UMOUNT_NOFOLLOW"}};
constexpr Constant membarrier_names[] = {{0, "MEMBARRIER_CMD_QUERY"},
                                         {1, "MEMBARRIER_CMD_GLOBAL"},
                                         {2, "MEMBARRIER_CMD_GLOBAL_EXPEDITED"},
                                         {4, "MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED"},
                                         {8, "MEMBARRIER_CMD_PRIVATE_EXPEDITED"},
                                         {16, "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED"}};
constexpr Constant scheduler_names[] = {{0, "SCHED_OTHER"},
                                        {1, "SCHED_FIFO"},
                                        {2, "SCHED_RR"},
                                        {3, "SCHED_BATCH"},
                                        {5, "SCHED_IDLE"},
                                        {6, "SCHED_DEADLINE"},
                                        {0x40000000, "SCHED_RESET_ON_FORK"}};
constexpr Constant close_range_names[] = {{2, "CLOSE_RANGE_UNSHARE"}, {4, "CLOSE_RANGE_CLOEXEC"}};
constexpr Constant rseq_names[] = {{1, "RSEQ_FLAG_UNREGISTER"}};

constexpr Constant ptrace_names[] = {{0, "PTRACE_TRACEME"},
                                     {1, "PTRACE_PEEKTEXT"},
                                     {2, "PTRACE_PEEKDATA"},
                                     {3, "PTRACE_PEEKUSER"},
                                     {4, "PTRACE_POKETEXT"},
                                     {5, "PTRACE_POKEDATA"},
                                     {6, "PTRACE_POKEUSER"},
                                     {7, "PTRACE_CONT"},
                                     {8, "PTRACE_KILL"},
                                     {9, "PTRACE_SINGLESTEP"},
                                     {12, "PTRACE_GETREGS"},
                                     {13, "PTRACE_SETREGS"},
                                     {16, "PTRACE_ATTACH"},
                                     {17, "PTRACE_DETACH"},
                                     {24, "PTRACE_SYSCALL"},
                                     {0x4200, "PTRACE_SETOPTIONS"},
                                     {0x4201, "PTRACE_GETEVENTMSG"},
                                     {0x4202, "PTRACE_GETSIGINFO"},
                                     {0x4204, "PTRACE_GETREGSET"},
                                     {0x4205, "PTRACE_SETREGSET"},
                                     {0x4206, "PTRACE_SEIZE"},
                                     {0x4207, "PTRACE_INTERRUPT"},
                                     {0x4208, "PTRACE_LISTEN"},
                                     {0x420e, "PTRACE_GET_SYSCALL_INFO"}};

constexpr std::uint64_t plain = ~std::uint64_t{0};

}  // namespace

const Vocabulary open_flags{open_flag_names, 3};
const Vocabulary open_flags_aarch64{open_flag_names_aarch64, 3};
const Vocabulary access_mode{access_names, 0};
const Vocabulary protection{protection_names, 0};
const Vocabulary map_flags{map_names, 0xf};
const Vocabulary at_flags{at_names, 0};
const Vocabulary unlinkat_flags{unlinkat_names, 0};
const Vocabulary faccessat_flags{faccessat_names, 0};
const Vocabulary linkat_flags{linkat_names, 0};
const Vocabulary statx_flags{statx_flag_names, 0x6000};
const Vocabulary statx_mask{statx_mask_names, 0};
const Vocabulary rename_flags{rename_names, 0};
const Vocabulary whence{whence_names, plain};
const Vocabulary clone_flags{clone_names, 0xff};
const Vocabulary unshare_flags{clone_names, 0};
const Vocabulary fcntl_command{fcntl_names, plain};
const Vocabulary descriptor_flags{descriptor_names, 0};
const Vocabulary lock_operation{lock_names, 0};
const Vocabulary fallocate_mode{fallocate_names, 0};
const Vocabulary file_advice{file_advice_names, plain};
const Vocabulary memory_advice{memory_advice_names, plain};
const Vocabulary mremap_flags{mremap_names, 0};
const Vocabulary msync_flags{msync_names, 0};
const Vocabulary mlockall_flags{mlockall_names, 0};
const Vocabulary memfd_flags{memfd_names, 0};
const Vocabulary random_flags{random_names, 0};
const Vocabulary pipe_flags{pipe_names, 0};
const Vocabulary epoll_create_flags{epoll_create_names, 0};
const Vocabulary epoll_operation{epoll_operation_names, plain};
const Vocabulary epoll_events{epoll_event_names, 0};
const Vocabulary poll_events{poll_names, 0};
const Vocabulary eventfd_flags{eventfd_names, 0};
const Vocabulary inotify_flags{inotify_names, 0};
const Vocabulary timerfd_flags{timerfd_names, 0};
const Vocabulary signalfd_flags{signalfd_names, 0};
const Vocabulary socket_domain{domain_names, plain};
const Vocabulary socket_type{socket_type_names, 0xf};
const Vocabulary socket_level{level_names, plain};
const Vocabulary socket_option{option_names, plain};
const Vocabulary message_flags{message_names, 0};
const Vocabulary shutdown_how{shutdown_names, plain};
const Vocabulary mask_how{mask_names, plain};
const Vocabulary signal_action_flags{action_names, 0};
const Vocabulary wait_options{wait_names, 0};
const Vocabulary wait_id{wait_id_names, plain};
const Vocabulary futex_operation{futex_names, 0xff};
const Vocabulary ioctl_command{ioctl_names, plain};
const Vocabulary clock{clock_names, plain};
const Vocabulary clock_flags{clock_flag_names, 0};
const Vocabulary interval_timer{interval_names, plain};
const Vocabulary resource{resource_names, plain};
const Vocabulary usage_who{usage_names, plain};
const Vocabulary priority_who{priority_names, plain};
const Vocabulary prctl_option{prctl_names, plain};
const Vocabulary arch_prctl_code{arch_prctl_names, plain};
const Vocabulary seccomp_operation{seccomp_names, plain};
const Vocabulary splice_flags{splice_names, 0};
const Vocabulary mount_flags{mount_names, 0};
const Vocabulary umount_flags{umount_names, 0};
const Vocabulary membarrier_command{membarrier_names, plain};
const Vocabulary scheduler_policy{scheduler_names, 0xff};
const Vocabulary close_range_flags{close_range_names, 0};
const Vocabulary rseq_flags{rseq_names, 0};
const Vocabulary ptrace_request{ptrace_names, plain};

}  // namespace vocabulary
}  // namespace trapline::arch
