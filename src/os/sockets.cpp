#include "os/sockets.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <vector>

#include <trapline/error.hpp>

#include "os/proc_text.hpp"
#include "support/bytes.hpp"

namespace trapline::os {
namespace {

std::string_view state_name(unsigned state) {
  constexpr std::array<std::string_view, 13> names = {
      "",      "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",   "TIME_WAIT",
      "CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "CLOSING",   "NEW_SYN_RECV"};
  return state < names.size() ? names[state] : std::string_view{};
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> result;
  for (;;) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (line.empty()) return result;
    const std::size_t end = std::min(line.find(' '), line.size());
    result.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

std::uint64_t number(std::string_view word, int base) { return Cursor(word).number<std::uint64_t>(base); }

/// "0100007F:0016": the words of an address as the kernel has them in memory, and the port.
std::string internet_address(std::string_view word) {
  const std::size_t colon = word.find(':');
  if (colon != 8 && colon != 32) return {};
  std::array<std::uint32_t, 4> address{};
  for (std::size_t i = 0; i < colon / 8; ++i) {
    address[i] = static_cast<std::uint32_t>(number(word.substr(i * 8, 8), 16));
  }
  const auto port = htons(static_cast<std::uint16_t>(number(word.substr(colon + 1), 16)));
  if (colon == 8) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = port;
    std::memcpy(&in.sin_addr, address.data(), sizeof in.sin_addr);
    return address_text(support::bytes_of(in));
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = port;
  std::memcpy(&in.sin6_addr, address.data(), sizeof in.sin6_addr);
  return address_text(support::bytes_of(in));
}

/// An address that nothing is bound or connected to.
bool is_nowhere(std::string_view word) { return word.find_first_not_of("0:") == std::string_view::npos; }

int type_of(std::string_view protocol) {
  if (protocol.starts_with("tcp")) return SOCK_STREAM;
  return protocol.starts_with("raw") ? SOCK_RAW : SOCK_DGRAM;
}

std::string unix_address(const sockaddr_un& address, std::size_t size) {
  const std::size_t start = offsetof(sockaddr_un, sun_path);
  if (size <= start) return {};
  std::string name(address.sun_path, std::min(size - start, sizeof address.sun_path));
  if (name.front() == '\0') {
    name.front() = '@';
    return name;
  }
  name.resize(std::min(name.find('\0'), name.size()));
  return name;
}

using NameCall = int (*)(int, sockaddr*, socklen_t*);

std::string name_of(int fd, NameCall call) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (call(fd, reinterpret_cast<sockaddr*>(&address), &size) == -1) return {};
  return address_text(support::bytes_of(address).first(std::min<std::size_t>(size, sizeof address)));
}

template <class T>
std::optional<T> option(int fd, int level, int name) {
  T value{};
  socklen_t size = sizeof value;
  if (::getsockopt(fd, level, name, &value, &size) == -1) return std::nullopt;
  return value;
}

std::string protocol_name(int family, int type, int protocol) {
  if (family == AF_UNIX) return "unix";
  if (family == AF_NETLINK) return "netlink";
  if (family == AF_PACKET) return "packet";
  if (family == AF_VSOCK) return "vsock";
  if (family == AF_ALG) return "alg";
  if (family != AF_INET && family != AF_INET6) return {};
  std::string name;
  switch (protocol) {
    case IPPROTO_TCP: name = "tcp"; break;
    case IPPROTO_UDP: name = "udp"; break;
    case IPPROTO_UDPLITE: name = "udplite"; break;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6: name = type == SOCK_RAW ? "raw" : "icmp"; break;
    case IPPROTO_SCTP: name = "sctp"; break;
    case IPPROTO_MPTCP: name = "mptcp"; break;
    default: name = type == SOCK_RAW ? "raw" : "";
  }
  return name.empty() || family == AF_INET ? name : name + '6';
}

std::string state_of(int fd, const SocketInfo& info, int protocol) {
  if (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP) {
    if (const auto tcp = option<tcp_info>(fd, IPPROTO_TCP, TCP_INFO)) return std::string(state_name(tcp->tcpi_state));
  }
  if (option<int>(fd, SOL_SOCKET, SO_ACCEPTCONN).value_or(0) != 0) return "LISTEN";
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const bool connects = info.family != AF_NETLINK && info.family != AF_PACKET;
  return connects && ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 ? "CONNECTED" : "";
}

SocketInfo describe_open(int fd) {
  SocketInfo info;
  info.family = option<int>(fd, SOL_SOCKET, SO_DOMAIN).value_or(-1);
  info.type = option<int>(fd, SOL_SOCKET, SO_TYPE).value_or(-1);
  const int protocol = option<int>(fd, SOL_SOCKET, SO_PROTOCOL).value_or(0);
  info.protocol = protocol_name(info.family, info.type, protocol);
  info.local = name_of(fd, ::getsockname);
  info.peer = name_of(fd, ::getpeername);
  info.state = state_of(fd, info, protocol);
  if (info.family == AF_UNIX && info.state == "CONNECTED") {
    const auto peer = option<ucred>(fd, SOL_SOCKET, SO_PEERCRED);
    if (peer && peer->pid > 0) info.peer_pid = peer->pid;
  }
  return info;
}

}  // namespace

std::string address_text(std::span<const std::byte> address) {
  const auto family = support::load<sa_family_t>(address);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (!family) return {};
  if (*family == AF_INET) {
    const auto in = support::load<sockaddr_in>(address);
    if (!in || (in->sin_port == 0 && in->sin_addr.s_addr == 0)) return {};
    return fmt::format("{}:{}", ::inet_ntop(AF_INET, &in->sin_addr, text.data(), text.size()), ntohs(in->sin_port));
  }
  if (*family == AF_INET6) {
    const auto in = support::load<sockaddr_in6>(address);
    if (!in || (in->sin6_port == 0 && IN6_IS_ADDR_UNSPECIFIED(&in->sin6_addr))) return {};
    return fmt::format("[{}]:{}", ::inet_ntop(AF_INET6, &in->sin6_addr, text.data(), text.size()),
                       ntohs(in->sin6_port));
  }
  if (*family == AF_UNIX) {
    sockaddr_un name{};
    std::memcpy(&name, address.data(), std::min(address.size(), sizeof name));
    return unix_address(name, address.size());
  }
  if (*family == AF_NETLINK) {
    const auto netlink = support::load<sockaddr_nl>(address);
    return netlink && netlink->nl_pid != 0 ? fmt::format("port {}", netlink->nl_pid) : "";
  }
  return {};
}

void parse_internet_sockets(std::string_view text, std::string_view protocol, SocketTable& into) {
  Cursor in(text);
  static_cast<void>(in.line());
  while (!in.empty()) {
    const auto fields = words(in.line());
    // sl local_address rem_address st queues timer retransmissions uid timeout inode
    if (fields.size() < 10) continue;
    const std::uint64_t inode = number(fields[9], 10);
    if (inode == 0) continue;
    const auto state = static_cast<unsigned>(number(fields[3], 16));
    SocketInfo info{.protocol = std::string(protocol),
                    .family = protocol.ends_with('6') ? AF_INET6 : AF_INET,
                    .type = type_of(protocol),
                    .local = internet_address(fields[1]),
                    .peer = is_nowhere(fields[2]) ? "" : internet_address(fields[2])};
    if (info.type == SOCK_STREAM) info.state = state_name(state);
    if (info.type != SOCK_STREAM && state_name(state) == "ESTABLISHED") info.state = "CONNECTED";
    into.emplace(inode, std::move(info));
  }
}

void parse_unix_sockets(std::string_view text, SocketTable& into) {
  Cursor in(text);
  static_cast<void>(in.line());
  while (!in.empty()) {
    const std::string_view line = in.line();
    const auto fields = words(line);
    // Num: RefCount Protocol Flags Type St Inode [Path], the path with any bytes; what follows a line break in it is no
    // entry, or one whose inode is not asked for.
    if (fields.size() < 7 || !fields[0].ends_with(':')) continue;
    constexpr std::uint64_t accepts = 0x10000;  // __SO_ACCEPTCON
    constexpr std::uint64_t connected = 3;      // SS_CONNECTED
    SocketInfo info{.protocol = "unix", .family = AF_UNIX, .type = static_cast<int>(number(fields[4], 16))};
    if (fields.size() > 7) info.local = line.substr(static_cast<std::size_t>(fields[7].data() - line.data()));
    if ((number(fields[3], 16) & accepts) != 0) info.state = "LISTEN";
    if (info.state.empty() && number(fields[5], 16) == connected) info.state = "CONNECTED";
    into.emplace(number(fields[6], 10), std::move(info));
  }
}

void parse_netlink_sockets(std::string_view text, SocketTable& into) {
  Cursor in(text);
  static_cast<void>(in.line());
  while (!in.empty()) {
    const auto fields = words(in.line());
    // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
    if (fields.size() < 10) continue;
    SocketInfo info{.protocol = "netlink", .family = AF_NETLINK, .type = SOCK_RAW};
    if (fields[2] != "0") info.local = fmt::format("port {}", fields[2]);
    into.emplace(number(fields[9], 10), std::move(info));
  }
}

Sockets::Sockets(const ProcDirectory& process, pid_t pid)
    : process_(process), pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}

std::optional<SocketInfo> Sockets::ask(int fd, std::uint64_t inode) const {
  if (!pidfd_.valid()) return std::nullopt;
  const support::Fd socket(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd_.get(), fd, 0)));
  struct stat status {};
  // The id and the number may be another's by now.
  if (!socket.valid() || ::fstat(socket.get(), &status) == -1 || status.st_ino != inode) return std::nullopt;
  return describe_open(socket.get());
}

const SocketTable& Sockets::table() {
  if (table_) return *table_;
  table_.emplace();
  const auto read = [&](const std::string& name) -> std::string {
    try {
      return process_.read("net/" + name);
    } catch (const Error&) {
      // The kernel is built without it.
      return {};
    }
  };
  for (const char* protocol : {"tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp", "icmp6"}) {
    parse_internet_sockets(read(protocol), protocol, *table_);
  }
  parse_unix_sockets(read("unix"), *table_);
  parse_netlink_sockets(read("netlink"), *table_);
  return *table_;
}

SocketInfo Sockets::describe(int fd, std::uint64_t inode) {
  // A copy of the descriptor tells everything, also of other network namespaces. The tables are for where a container
  // forbids that, and before Linux 5.6.
  if (auto known = ask(fd, inode)) return *known;
  if (const auto found = table().find(inode); found != table().end()) return found->second;
  // Of another network namespace than the process is in now, or of a family without a table.
  SocketInfo info;
  std::array<char, 64> name{};
  const std::string path = fmt::format("/proc/self/fd/{}/fd/{}", process_.fd(), fd);
  const ssize_t size = ::getxattr(path.c_str(), "system.sockprotoname", name.data(), name.size() - 1);
  if (size <= 0) return info;
  info.protocol = name.data();
  for (char& c : info.protocol) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return info;
}

}  // namespace trapline::os
