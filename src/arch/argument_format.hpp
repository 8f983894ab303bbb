#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <trapline/types.hpp>

#include "arch/constants.hpp"

namespace trapline::arch {

/// How an argument is shown. What begins with `out_` is filled in by the kernel and known at the exit only.
enum class ArgumentKind : std::uint8_t {
  signed_int,
  signed_long,
  unsigned_int,
  fcntl_argument,  ///< what argument `other` makes of it
  unsigned_long,
  hexadecimal,
  octal,
  pointer,
  constants,
  signal,
  fd,
  dirfd,
  path,
  string,
  bytes,        ///< as many as argument `other` says
  strings,      ///< an array of strings that ends with NULL
  environment,  ///< likewise; only counted
  iovec,        ///< as many as argument `other` says
  timespec,
  timeval,
  sigset,
  signal_action,
  limits,
  socket_address,  ///< its size is argument `other`
  clone_arguments,
  epoll_event,
  poll_fds,   ///< as many as argument `other` says
  out_bytes,  ///< as many as the result says
  out_path,   ///< up to its NUL, or as many as the result says
  out_iovec,
  out_timespec,
  out_timeval,
  out_stat,
  out_statx,
  out_utsname,
  out_fd_pair,
  out_int,
  out_wait_status,
  out_sigset,
  out_signal_action,
  out_limits,
  out_socket_address,  ///< its size is where argument `other` points to
  out_entries,         ///< of a directory; only their size is shown
};

[[nodiscard]] constexpr bool known_at_exit(ArgumentKind kind) { return kind >= ArgumentKind::out_bytes; }

struct ArgumentFormat {
  ArgumentKind kind = ArgumentKind::hexadecimal;
  std::uint8_t other = 0;
  const Vocabulary* vocabulary = nullptr;
};

/// Whether the last arguments are there depends on another one: what libc left in their registers means nothing.
enum class Tail : std::uint8_t { fixed, open_mode, futex, fcntl };

enum class ResultKind : std::uint8_t { decimal, hexadecimal, octal, fd, fcntl };

/// How one syscall of one ABI is shown.
struct SyscallFormat {
  std::string_view name;
  std::array<ArgumentFormat, 6> arguments{};
  std::uint8_t count = 0;
  ResultKind result = ResultKind::decimal;
  Tail tail = Tail::fixed;

  /// How many of the arguments this call has.
  [[nodiscard]] std::size_t used(const std::array<std::uint64_t, 6>& args) const;
};

/// The names of what fcntl(2) takes (and F_GETFL returns) for a command; nullptr for plain numbers.
[[nodiscard]] const Vocabulary* fcntl_vocabulary(Abi abi, std::uint64_t command);

/// nullptr when the table has no such call.
[[nodiscard]] const SyscallFormat* syscall_format(Abi abi, std::int64_t number);

}  // namespace trapline::arch
