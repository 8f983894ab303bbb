#pragma once

#include <span>
#include <string_view>

namespace trapline::arch {

/// Syscalls that do the same or nearly so, of which a C library or kernel chooses one: who waits for one of them may be
/// waiting for another. Empty for one that has none; by the name in the table.
[[nodiscard]] std::span<const std::string_view> syscall_kin(std::string_view name);

}  // namespace trapline::arch
