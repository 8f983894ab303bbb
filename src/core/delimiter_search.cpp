#include "core/delimiter_search.hpp"

#include <algorithm>

namespace trapline::core {

std::optional<std::size_t> DelimiterSearch::find(std::string_view text, std::uint64_t position) {
  if (position != position_) {
    position_ = position;
    found_ = from_ = searched_ = 0;
  }
  while (found_ < std::max<std::size_t>(occurrences_, 1)) {
    if (!find_next(text)) return std::nullopt;
    ++found_;
  }
  return from_;
}

bool DelimiterSearch::find_next(std::string_view text) {
  // One delimiter that is rare must not be looked for in all of the text while another one is near.
  constexpr std::size_t window = 4096;
  while (searched_ < text.size()) {
    const std::size_t limit = std::min(text.size(), searched_ + window);
    if (find_ending_by(text.substr(0, limit))) return true;
    searched_ = limit;
  }
  return false;
}

bool DelimiterSearch::find_ending_by(std::string_view text) {
  std::size_t end = std::string_view::npos;
  for (const std::string& delimiter : delimiters_) {
    if (delimiter.empty()) continue;
    const std::size_t overlap = std::min(delimiter.size() - 1, searched_);
    const std::size_t at = text.find(delimiter, std::max(from_, searched_ - overlap));
    if (at == std::string_view::npos) continue;
    const std::size_t its_end = at + delimiter.size();
    if (its_end > end || (its_end == end && delimiter.size() < length_)) continue;
    end = its_end;
    length_ = delimiter.size();
  }
  if (end == std::string_view::npos) return false;
  from_ = searched_ = end;
  return true;
}

}  // namespace trapline::core
