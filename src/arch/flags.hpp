#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <trapline/types.hpp>

namespace trapline::arch {

/// One bit of the register of flags.
struct Flag {
  std::string_view name;
  unsigned bit;
  /// The kernel lets a debugger write it (x86: FLAG_MASK in arch/x86/kernel/ptrace.c).
  bool writable;
};

[[nodiscard]] std::span<const Flag> flags(Arch arch);
/// "rflags", "eflags" or "pstate".
[[nodiscard]] std::string_view flags_register(Arch arch);
/// nullptr when there is none of that name.
[[nodiscard]] const Flag* find_flag(Arch arch, std::string_view name);

}  // namespace trapline::arch
