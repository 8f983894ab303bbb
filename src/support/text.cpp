#include "support/text.hpp"

#include <algorithm>
#include <array>

namespace trapline::support {

std::string escape(std::string_view bytes, char quote) {
  constexpr std::string_view named = "\a\b\t\n\v\f\r";
  constexpr std::string_view letters = "abtnvfr";
  std::string result;
  result.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    const auto value = static_cast<unsigned char>(c);
    if (const auto at = named.find(c); at != std::string_view::npos) {
      result += '\\';
      result += letters[at];
    } else if (c == quote || c == '\\') {
      result += '\\';
      result += c;
    } else if (value >= 0x20 && value < 0x7f) {
      result += c;
    } else {
      // As few octal digits as the next character allows, as a C compiler reads them.
      const bool digit_follows = i + 1 < bytes.size() && bytes[i + 1] >= '0' && bytes[i + 1] <= '9';
      result += '\\';
      if (digit_follows || value >= 0100) result += static_cast<char>('0' + (value >> 6));
      if (digit_follows || value >= 010) result += static_cast<char>('0' + (value >> 3 & 7));
      result += static_cast<char>('0' + (value & 7));
    }
  }
  return result;
}

std::string join(std::span<const std::string> items, std::string_view separator) {
  std::string result;
  for (const std::string& item : items) {
    if (&item != items.data()) result += separator;
    result += item;
  }
  return result;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::vector<std::string> near_names(std::string_view name, std::span<const std::string_view> candidates,
                                    std::size_t limit) {
  const std::size_t farthest = std::max<std::size_t>(2, name.size() / 3);
  std::vector<std::pair<std::size_t, std::string_view>> near;
  for (const std::string_view candidate : candidates) {
    std::size_t distance = edit_distance(name, candidate);
    // What merely lacks a part that it begins with is as near as a slip of one letter.
    if (name.size() >= 3 && (candidate.starts_with(name) || name.starts_with(candidate)))
      distance = std::min<std::size_t>(distance, 1);
    if (distance <= farthest) near.emplace_back(distance, candidate);
  }
  std::ranges::stable_sort(near, {}, [](const auto& entry) { return std::pair(entry.first, entry.second.size()); });
  std::vector<std::string> result;
  for (const auto& [distance, candidate] : near) {
    if (result.size() == limit) break;
    if (std::ranges::find(result, candidate) == result.end()) result.emplace_back(candidate);
  }
  return result;
}

}  // namespace trapline::support
