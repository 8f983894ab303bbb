#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <trapline/types.hpp>

namespace trapline {

/// What an open file descriptor refers to.
enum class DescriptorKind {
  file,
  directory,
  character_device,
  block_device,
  pipe,  ///< pipe(2)
  fifo,  ///< one with a name
  socket,
  memfd,
  eventfd,
  epoll,
  timerfd,
  signalfd,
  inotify,
  fanotify,
  pidfd,
  userfaultfd,
  io_uring,
  perf_event,
  bpf,
  name_space,  ///< a link of /proc/PID/ns
  other,       ///< `path` is what the kernel calls it
};

/// What is known of a socket.
struct SocketInfo {
  /// `"tcp"`, `"udp6"`, `"unix"`, `"netlink"`; empty when nothing tells.
  std::string protocol{};
  /// AF_* and SOCK_* of sys/socket.h; -1 when nothing tells.
  int family = -1;
  int type = -1;
  /// `"127.0.0.1:80"`, `"[::1]:80"`, a path, `"@abstract"` for a name that is no file; empty when there is none.
  std::string local{};
  std::string peer{};
  /// Of TCP: `"ESTABLISHED"`; of others `"LISTEN"`, `"CONNECTED"` or empty.
  std::string state{};
  /// Of a connected Unix socket: the process that connected, listened or made the pair (SO_PEERCRED), if it can be
  /// told.
  std::optional<pid_t> peer_pid{};
};

/// An open file descriptor of a process.
struct FileDescriptor {
  int number = -1;
  DescriptorKind kind = DescriptorKind::other;
  /// The file's path as the process sees it, without the kernel's remark about a deletion; or what the kernel calls it:
  /// `"pipe:[4711]"`, `"anon_inode:[eventfd]"`.
  std::string path{};
  /// The file was unlinked or replaced since.
  bool deleted = false;
  /// O_* of fcntl.h, O_CLOEXEC among them.
  int flags = 0;
  std::uint64_t offset = 0;
  std::uint64_t inode = 0;
  dev_t device = 0;
  std::optional<SocketInfo> socket{};
  /// The other lines of /proc/PID/fdinfo, in their order: `{"eventfd-count", "3"}`, `{"Pid", "4711"}` of a pidfd,
  /// `{"tfd", ...}` for each that an epoll watches.
  std::vector<std::pair<std::string, std::string>> details{};

  [[nodiscard]] bool readable() const { return (flags & O_ACCMODE) != O_WRONLY; }
  [[nodiscard]] bool writable() const { return (flags & O_ACCMODE) != O_RDONLY; }
  [[nodiscard]] bool close_on_exec() const { return (flags & O_CLOEXEC) != 0; }
};

[[nodiscard]] TRAPLINE_API std::string_view to_string(DescriptorKind kind);

}  // namespace trapline
