#pragma once

#include <optional>
#include <string>
#include <vector>

#include <trapline/syscall_id.hpp>

namespace cli {

/// The set that the -e options name together; nothing for `none`.
[[nodiscard]] std::optional<trapline::SyscallSet> parse_sets(const std::vector<std::string>& specifications);
/// The items of a list: commas inside a /regular expression/ separate nothing.
[[nodiscard]] std::vector<std::string> split_list(const std::string& text);

}  // namespace cli
