#include "syscall_sets.hpp"

#include <string_view>

#include <trapline/error.hpp>

namespace cli {

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> items(1);
  bool in_expression = false;
  for (const char c : text) {
    std::string& item = items.back();
    if (c == ',' && !in_expression) {
      items.emplace_back();
      continue;
    }
    if (c == '/') in_expression = !in_expression && (item.empty() || item == "!");
    item += c;
  }
  return items;
}

std::optional<trapline::SyscallSet> parse_sets(const std::vector<std::string>& specifications) {
  if (specifications.empty()) return trapline::SyscallSet("all");
  std::vector<trapline::SyscallId> items;
  bool none = false;
  for (std::string text : specifications) {
    for (const std::string_view prefix : {"trace=", "t="}) {
      if (text.starts_with(prefix)) text.erase(0, prefix.size());
    }
    if (text == "none") {
      none = true;
      continue;
    }
    // As in strace's, a ! before the list is meant for all of it.
    const bool negated = text.starts_with('!');
    if (negated) text.erase(0, 1);
    for (const std::string& item : split_list(text)) {
      if (item.empty()) throw trapline::UsageError("an empty name in the set of syscalls \"" + text + "\"");
      items.emplace_back(negated ? "!" + item : item);
    }
  }
  if (items.empty() && none) return std::nullopt;
  return trapline::SyscallSet(std::move(items));
}

}  // namespace cli
