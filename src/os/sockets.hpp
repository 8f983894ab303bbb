#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <trapline/file_descriptor.hpp>

#include "os/proc_directory.hpp"
#include "support/fd.hpp"

namespace trapline::os {

/// By inode.
using SocketTable = std::map<std::uint64_t, SocketInfo>;

/// The text of /proc/net/tcp and its like; `protocol` as the file is called.
void parse_internet_sockets(std::string_view text, std::string_view protocol, SocketTable& into);
/// The text of /proc/net/unix.
void parse_unix_sockets(std::string_view text, SocketTable& into);
/// The text of /proc/net/netlink.
void parse_netlink_sockets(std::string_view text, SocketTable& into);
/// A socket's address as users write it; empty for one without a name.
[[nodiscard]] std::string address_text(std::span<const std::byte> address);

/// Tells of the sockets of one process.
class Sockets {
 public:
  Sockets(const ProcDirectory& process, pid_t pid);

  [[nodiscard]] SocketInfo describe(int fd, std::uint64_t inode);

 private:
  [[nodiscard]] std::optional<SocketInfo> ask(int fd, std::uint64_t inode) const;
  [[nodiscard]] const SocketTable& table();

  const ProcDirectory& process_;
  support::Fd pidfd_;
  std::optional<SocketTable> table_;
};

}  // namespace trapline::os
