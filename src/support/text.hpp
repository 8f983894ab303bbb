#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trapline::support {

/// Makes untrusted bytes harmless to a terminal: printable ASCII stays, the rest becomes C escapes. `quote` is escaped
/// too.
[[nodiscard]] std::string escape(std::string_view bytes, char quote = '"');
[[nodiscard]] std::string join(std::span<const std::string> items, std::string_view separator);
/// The candidates that a user may have meant, nearest first, at most `limit`.
[[nodiscard]] std::vector<std::string> near_names(std::string_view name, std::span<const std::string_view> candidates,
                                                  std::size_t limit = 3);
/// How many single-character edits (and swaps of neighbours) lead from one to the other.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace trapline::support
