#include <trapline/syscall_id.hpp>

#include "arch/errno_names.hpp"
#include "arch/syscall_table.hpp"
#include "os/signals.hpp"

namespace trapline {

std::optional<std::int64_t> SyscallId::number() const {
  if (const auto* number = std::get_if<std::int64_t>(&value_)) return *number;
  return std::nullopt;
}

std::string SyscallId::text() const {
  if (const auto* number = std::get_if<std::int64_t>(&value_)) return std::to_string(*number);
  return std::get<std::string>(value_);
}

std::string_view syscall_name(Abi abi, std::int64_t number) {
  const auto* row = arch::find_syscall(abi, number);
  return row != nullptr ? row->name : std::string_view();
}

std::optional<std::int64_t> syscall_number(Abi abi, std::string_view name) {
  const auto* row = arch::find_syscall(abi, name);
  if (row == nullptr) return std::nullopt;
  return row->number;
}

std::string_view error_name(int error) { return arch::errno_name(error); }
std::optional<int> error_number(std::string_view name) { return arch::errno_number(name); }
std::string signal_name(int signal) { return os::signal_name(signal); }
std::optional<int> signal_number(std::string_view name) { return os::signal_number(name); }

}  // namespace trapline
