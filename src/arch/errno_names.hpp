#pragma once

#include <optional>
#include <string_view>

namespace trapline::arch {

/// `"ENOENT"` for 2; empty when there is no such error. The numbers are asm-generic/errno.h's, which all our ABIs
/// share.
[[nodiscard]] std::string_view errno_name(int error) noexcept;
[[nodiscard]] std::optional<int> errno_number(std::string_view name) noexcept;
/// `"No such file or directory"`, whatever the locale; empty when there is no such error.
[[nodiscard]] std::string_view errno_text(int error) noexcept;

}  // namespace trapline::arch
