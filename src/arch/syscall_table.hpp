#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <trapline/types.hpp>

namespace trapline::arch {

/// One parameter as the kernel's source declares it.
struct SyscallParam {
  std::string_view type;
  std::string_view name;
};

struct SyscallRow {
  std::int32_t number;
  std::string_view name;
  std::array<SyscallParam, 6> all_params;
  std::size_t param_count;

  [[nodiscard]] std::span<const SyscallParam> params() const { return std::span(all_params).first(param_count); }
};

/// The table of an ABI, by ascending number.
[[nodiscard]] std::span<const SyscallRow> syscalls(Abi abi) noexcept;
/// nullptr when there is none.
[[nodiscard]] const SyscallRow* find_syscall(Abi abi, std::int64_t number) noexcept;
/// By name; people's other names for a call (`newstat`, `SYS_read`, `mmap_pgoff`) work too.
[[nodiscard]] const SyscallRow* find_syscall(Abi abi, std::string_view name) noexcept;

/// The names nearest to one that is none.
[[nodiscard]] std::vector<std::string> near_syscall_names(Abi abi, std::string_view name);

/// What a specification selects in one table.
struct Selection {
  bool all = false;
  std::vector<std::int32_t> numbers{};
  /// Why it selects nothing: an unknown group or a bad regular expression; an unknown name is no error in one table
  /// alone.
  std::string error{};
};

/// `"all"`, `"*"`, `"%file"`, `"/^open/"`, a name, or a number in decimal.
[[nodiscard]] Selection select_syscalls(Abi abi, std::string_view spec);
/// Whether the specification can mean more than one call.
[[nodiscard]] bool names_a_set(std::string_view spec);

/// Whether the call belongs to a group such as "file" (without the %).
[[nodiscard]] bool in_group(std::string_view group, const SyscallRow& row);
[[nodiscard]] std::span<const std::string_view> group_names();

/// What a parameter means to a reader.
enum class ParamKind {
  integer,
  unsigned_integer,
  pointer,
  path,
  string,
  fd,
  dirfd,
  input_buffer,
  output_buffer,
  size,
  flags,
  mode,
  signal,
  pid,
};
[[nodiscard]] ParamKind classify(const SyscallRow& row, std::size_t index);

}  // namespace trapline::arch
