#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <iterator>
#include <optional>
#include <vector>

#include <trapline/error.hpp>
#include <trapline/syscall_id.hpp>

#include "api/print_arguments.hpp"
#include "support/bytes.hpp"

namespace trapline::print {
namespace {

using Kind = arch::ArgumentKind;
namespace words = arch::vocabulary;

template <class... A>
void add(const Context& context, fmt::format_string<A...> text, A&&... args) {
  fmt::format_to(std::back_inserter(context.out), text, std::forward<A>(args)...);
}

template <class T>
std::optional<T> value_at(const Context& context, Address address) {
  T value;
  const auto bytes = std::as_writable_bytes(std::span<T>(&value, 1));
  if (read(context.memory, address, bytes) != bytes.size()) return std::nullopt;
  return value;
}

/// Appends `function(value)` when the structure can be read.
template <class T, class F>
bool with(const Context& context, Address address, F&& function) {
  const auto value = value_at<T>(context, address);
  if (value) function(*value);
  return value.has_value();
}

std::string_view file_type(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return "S_IFREG";
    case S_IFDIR: return "S_IFDIR";
    case S_IFLNK: return "S_IFLNK";
    case S_IFCHR: return "S_IFCHR";
    case S_IFBLK: return "S_IFBLK";
    case S_IFIFO: return "S_IFIFO";
    case S_IFSOCK: return "S_IFSOCK";
    default: return "0";
  }
}

void append_file(const Context& context, mode_t mode, std::uint64_t size, dev_t device) {
  add(context, "{{st_mode={}|{:#04o}, ", file_type(mode), mode & 07777);
  if (S_ISCHR(mode) || S_ISBLK(mode)) {
    add(context, "st_rdev=makedev({:#x}, {:#x}), ...}}", major(device), minor(device));
  } else {
    add(context, "st_size={}, ...}}", size);
  }
}

bool append_stat(const Context& context, Address address) {
  return with<struct stat>(context, address, [&](const struct stat& file) {
    append_file(context, file.st_mode, static_cast<std::uint64_t>(file.st_size), file.st_rdev);
  });
}

bool append_statx(const Context& context, Address address) {
  return with<struct statx>(context, address, [&](const struct statx& file) {
    append_file(context, file.stx_mode, file.stx_size, makedev(file.stx_rdev_major, file.stx_rdev_minor));
  });
}

bool append_utsname(const Context& context, Address address) {
  return with<utsname>(context, address, [&](const utsname& name) {
    const auto field = [&](std::string_view label, const char(&text)[65]) {
      context.out += label;
      append_quoted(context.out, std::string_view(text, std::find(text, text + sizeof text, '\0')));
    };
    field("{sysname=", name.sysname);
    field(", nodename=", name.nodename);
    field(", release=", name.release);
    context.out += ", ...}";
  });
}

bool append_timespec(const Context& context, Address address, std::string_view fraction) {
  return with<timespec>(context, address, [&](const timespec& time) {
    add(context, "{{tv_sec={}, {}={}}}", time.tv_sec, fraction, time.tv_nsec);
  });
}

void append_signals(const Context& context, std::uint64_t set) {
  // Nearly all: shorter to say which are missing.
  const bool inverted = __builtin_popcountll(set) > 48;
  if (inverted) set = ~set;
  context.out += inverted ? "~[" : "[";
  bool first = true;
  for (int signal = 1; signal <= 64; ++signal) {
    if ((set >> (signal - 1) & 1) == 0) continue;
    if (!std::exchange(first, false)) context.out += ' ';
    const std::string name = signal_name(signal);
    context.out += name.starts_with("SIG") ? std::string_view(name).substr(3) : name;
  }
  context.out += ']';
}

bool append_sigset(const Context& context, Address address) {
  return with<std::uint64_t>(context, address, [&](std::uint64_t set) { append_signals(context, set); });
}

/// As the kernel has it, which no header says.
struct KernelSigaction {
  std::uint64_t handler;
  std::uint64_t flags;
  std::uint64_t restorer;
  std::uint64_t mask;
};

bool append_sigaction(const Context& context, Address address) {
  return with<KernelSigaction>(context, address, [&](KernelSigaction action) {
#ifdef __aarch64__
    action.mask = action.restorer;
#endif
    context.out += "{sa_handler=";
    if (action.handler <= 1) {
      context.out += action.handler == 0 ? "SIG_DFL" : "SIG_IGN";
    } else {
      append_hexadecimal(context.out, action.handler);
    }
    context.out += ", sa_mask=";
    append_signals(context, action.mask);
    context.out += ", sa_flags=";
    arch::append_constants(context.out, words::signal_action_flags, action.flags);
    context.out += '}';
  });
}

bool append_limits(const Context& context, Address address) {
  return with<rlimit64>(context, address, [&](const rlimit64& limits) {
    const auto limit = [&](std::uint64_t value) {
      if (value == RLIM64_INFINITY) {
        context.out += "RLIM64_INFINITY";
      } else {
        append_unsigned(context.out, value);
      }
    };
    context.out += "{rlim_cur=";
    limit(limits.rlim_cur);
    context.out += ", rlim_max=";
    limit(limits.rlim_max);
    context.out += '}';
  });
}

void append_unix_name(const Context& context, const sockaddr_un& address, std::size_t size) {
  const std::string_view name(address.sun_path, size - offsetof(sockaddr_un, sun_path));
  if (name.starts_with('\0')) {  // A name of the abstract namespace, NULs and all.
    context.out += '@';
    append_quoted(context.out, name.substr(1));
  } else {
    append_quoted(context.out, name.substr(0, name.find('\0')));
  }
}

bool append_sockaddr(const Context& context, Address address, std::uint64_t size) {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un local;
    sockaddr_storage storage;
  } name{.storage = {}};
  const std::size_t length = std::min<std::uint64_t>(size, sizeof name);
  if (length < sizeof(sa_family_t)) return false;
  const auto into = std::as_writable_bytes(std::span(&name, 1)).first(length);
  if (read(context.memory, address, into) != length) return false;
  context.out += "{sa_family=";
  arch::append_constants(context.out, words::socket_domain, name.any.sa_family);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (name.any.sa_family == AF_INET && length >= sizeof name.v4) {
    inet_ntop(AF_INET, &name.v4.sin_addr, text.data(), text.size());
    add(context, ", sin_port=htons({}), sin_addr=inet_addr(\"{}\")", ntohs(name.v4.sin_port), text.data());
  } else if (name.any.sa_family == AF_INET6 && length >= 24) {
    inet_ntop(AF_INET6, &name.v6.sin6_addr, text.data(), text.size());
    add(context, ", sin6_port=htons({}), sin6_addr=\"{}\"", ntohs(name.v6.sin6_port), text.data());
  } else if (name.any.sa_family == AF_UNIX && length > offsetof(sockaddr_un, sun_path)) {
    context.out += ", sun_path=";
    append_unix_name(context, name.local, std::min(length, sizeof name.local));
  }
  context.out += '}';
  return true;
}

bool append_filled_sockaddr(const Context& context, std::size_t index, std::uint8_t size_index) {
  const auto size = value_at<std::uint32_t>(context, context.args[size_index]);
  return size && append_sockaddr(context, context.args[index], *size);
}

/// Appends up to element_limit elements in brackets.
template <class T, class F>
bool append_array(const Context& context, Address address, std::uint64_t count, F&& element) {
  const std::size_t shown = std::min<std::uint64_t>(count, context.options.element_limit);
  std::vector<T> list(shown);
  const auto into = std::as_writable_bytes(std::span(list));
  if (read(context.memory, address, into) != into.size()) return false;
  context.out += '[';
  for (std::size_t i = 0; i < shown; ++i) {
    if (i != 0) context.out += ", ";
    element(list[i]);
  }
  if (count > shown) context.out += ", ...";
  context.out += ']';
  return true;
}

bool append_iovec(const Context& context, Address address, std::uint64_t count, std::uint64_t filled) {
  return append_array<iovec>(context, address, count, [&](const iovec& piece) {
    context.out += "{iov_base=";
    const std::uint64_t size = std::min<std::uint64_t>(piece.iov_len, filled);
    filled -= size;
    append_bytes(context, reinterpret_cast<Address>(piece.iov_base), size);
    add(context, ", iov_len={}}}", piece.iov_len);
  });
}

bool append_poll_fds(const Context& context, Address address, std::uint64_t count) {
  return append_array<pollfd>(context, address, count, [&](const pollfd& entry) {
    context.out += "{fd=";
    append_fd(context, entry.fd);
    context.out += ", events=";
    arch::append_constants(context.out, words::poll_events, static_cast<std::uint16_t>(entry.events));
    context.out += '}';
  });
}

bool append_pair(const Context& context, Address address) {
  return with<std::array<int, 2>>(context, address, [&](const std::array<int, 2>& pair) {
    context.out += '[';
    append_fd(context, pair[0]);
    context.out += ", ";
    append_fd(context, pair[1]);
    context.out += ']';
  });
}

void append_wait_status(const Context& context, int status) {
  if (WIFEXITED(status)) {
    add(context, "[{{WIFEXITED(s) && WEXITSTATUS(s) == {}}}]", WEXITSTATUS(status));
  } else if (WIFSIGNALED(status)) {
    add(context, "[{{WIFSIGNALED(s) && WTERMSIG(s) == {}}}]", signal_name(WTERMSIG(status)));
  } else if (WIFSTOPPED(status)) {
    add(context, "[{{WIFSTOPPED(s) && WSTOPSIG(s) == {}}}]", signal_name(WSTOPSIG(status)));
  } else {
    add(context, "[{:#x}]", status);
  }
}

bool append_clone_arguments(const Context& context, Address address) {
  // CLONE_ARGS_SIZE_VER0: what every caller gives.
  using Arguments = std::array<std::uint64_t, CLONE_ARGS_SIZE_VER0 / sizeof(std::uint64_t)>;
  return with<Arguments>(context, address, [&](const Arguments& words_of_it) {
    const auto& [flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls] = words_of_it;
    context.out += "{flags=";
    arch::append_constants(context.out, words::unshare_flags, flags);
    add(context, ", exit_signal={}, stack=", exit_signal == 0 ? "0" : signal_name(static_cast<int>(exit_signal)));
    append_pointer(context.out, stack);
    add(context, ", stack_size={:#x}, ...}}", stack_size);
  });
}

bool append_epoll_event(const Context& context, Address address) {
  return with<epoll_event>(context, address, [&](const epoll_event& event) {
    context.out += "{events=";
    const std::uint32_t events = event.events;
    arch::append_constants(context.out, words::epoll_events, events);
    const std::uint64_t data = event.data.u64;
    add(context, ", data={:#x}}}", data);
  });
}

/// Whether structures of the tracee's ABI are laid out like ours.
bool laid_out_like_ours(Abi abi) {
#ifdef __aarch64__
  return abi == Abi::aarch64;
#else
  return abi == Abi::amd64;
#endif
}

}  // namespace

bool append_structure(const Context& context, std::size_t index, const arch::ArgumentFormat& format) {
  const Address at = context.args[index];
  const std::uint64_t other = context.args[format.other];
  if (!laid_out_like_ours(context.abi)) return false;
  switch (format.kind) {
    case Kind::iovec: return append_iovec(context, at, other, ~std::uint64_t{0});
    case Kind::out_iovec: return append_iovec(context, at, other, static_cast<std::uint64_t>(context.result));
    case Kind::timespec:
    case Kind::out_timespec: return append_timespec(context, at, "tv_nsec");
    case Kind::timeval:
    case Kind::out_timeval: return append_timespec(context, at, "tv_usec");
    case Kind::sigset:
    case Kind::out_sigset: return append_sigset(context, at);
    case Kind::signal_action:
    case Kind::out_signal_action: return append_sigaction(context, at);
    case Kind::limits:
    case Kind::out_limits: return append_limits(context, at);
    case Kind::socket_address: return append_sockaddr(context, at, static_cast<std::uint32_t>(other));
    case Kind::out_socket_address: return append_filled_sockaddr(context, index, format.other);
    case Kind::clone_arguments: return append_clone_arguments(context, at);
    case Kind::epoll_event: return append_epoll_event(context, at);
    case Kind::poll_fds: return append_poll_fds(context, at, static_cast<std::uint32_t>(other));
    case Kind::out_stat: return append_stat(context, at);
    case Kind::out_statx: return append_statx(context, at);
    case Kind::out_utsname: return append_utsname(context, at);
    case Kind::out_fd_pair: return append_pair(context, at);
    case Kind::out_int: return with<int>(context, at, [&](int value) { add(context, "[{}]", value); });
    case Kind::out_wait_status:
      // Nobody was waited for (WNOHANG): nothing was written.
      if (context.result == 0) return false;
      return with<int>(context, at, [&](int status) { append_wait_status(context, status); });
    case Kind::out_entries: add(context, "{:#x} /* {} bytes of entries */", at, context.result); return true;
    default: return false;
  }
}

}  // namespace trapline::print
