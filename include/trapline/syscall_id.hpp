#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <trapline/types.hpp>

namespace trapline {

/// One syscall, by number or by name; a name is resolved in the table of the ABI of each stop.
class TRAPLINE_API SyscallId {
 public:
  template <std::integral T>
  SyscallId(T number) : value_(static_cast<std::int64_t>(number)) {}
  SyscallId(const char* name) : value_(std::string(name)) {}
  SyscallId(std::string name) : value_(std::move(name)) {}
  SyscallId(std::string_view name) : value_(std::string(name)) {}

  /// The number, when it was given as one.
  [[nodiscard]] std::optional<std::int64_t> number() const;
  /// The name, or the number in decimal.
  [[nodiscard]] std::string text() const;

 private:
  std::variant<std::int64_t, std::string> value_;
};

/// Several syscalls: a number, a name, a list of them, `"all"` (or `"*"`), a group (`"%file"`) or a regular expression
/// (`"/^open/"`).
/// A name, group or expression after `!` is taken out of the set, which is "all" when it has nothing else:
/// `"!%memory"`.
class TRAPLINE_API SyscallSet {
 public:
  template <std::integral T>
  SyscallSet(T number) : items_{SyscallId(number)} {}
  SyscallSet(const char* spec) : items_{SyscallId(spec)} {}
  SyscallSet(std::string spec) : items_{SyscallId(std::move(spec))} {}
  SyscallSet(SyscallId id) : items_{std::move(id)} {}
  SyscallSet(std::initializer_list<SyscallId> items) : items_(items) {}
  SyscallSet(std::vector<SyscallId> items) : items_(std::move(items)) {}

  [[nodiscard]] const std::vector<SyscallId>& items() const { return items_; }

 private:
  std::vector<SyscallId> items_;
};

/// The name of a syscall in that ABI's table; empty when the number is unknown.
[[nodiscard]] TRAPLINE_API std::string_view syscall_name(Abi abi, std::int64_t number);
/// The number of a syscall in that ABI's table; other common names (`newstat`) work too.
[[nodiscard]] TRAPLINE_API std::optional<std::int64_t> syscall_number(Abi abi, std::string_view name);
/// `"ENOENT"` for 2; empty when there is no such error.
[[nodiscard]] TRAPLINE_API std::string_view error_name(int error);
/// 2 for `"ENOENT"`.
[[nodiscard]] TRAPLINE_API std::optional<int> error_number(std::string_view name);
/// `"SIGUSR1"` for 10, `"SIGRTMIN+3"` for 37.
[[nodiscard]] TRAPLINE_API std::string signal_name(int signal);
/// 10 for `"SIGUSR1"`, `"USR1"` or `"10"`.
[[nodiscard]] TRAPLINE_API std::optional<int> signal_number(std::string_view name);

}  // namespace trapline
