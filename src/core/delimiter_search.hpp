#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace trapline::core {

/// Finds the n-th delimiter in a text that grows at its end, without looking at what it has seen again.
///
/// The delimiter that ends first counts; of several that end together, the longest.
class DelimiterSearch {
 public:
  /// The strings must live as long; empty ones are passed over.
  DelimiterSearch(std::span<const std::string> delimiters, std::size_t occurrences)
      : delimiters_(delimiters), occurrences_(occurrences) {}

  /// The length up to and with the n-th delimiter. `position` says where in its stream the text begins: when that has
  /// changed since the last call, somebody took from the text and the search begins anew.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view text, std::uint64_t position);
  /// Of the delimiter that find() ended with.
  [[nodiscard]] std::size_t delimiter_length() const { return length_; }

 private:
  /// Goes on behind `searched_`.
  [[nodiscard]] bool find_next(std::string_view text);
  [[nodiscard]] bool find_ending_by(std::string_view text);

  std::span<const std::string> delimiters_;
  std::size_t occurrences_;
  std::uint64_t position_ = 0;
  std::size_t found_ = 0;
  /// The end of the last one found.
  std::size_t from_ = 0;
  /// No further one ends up to here.
  std::size_t searched_ = 0;
  std::size_t length_ = 0;
};

}  // namespace trapline::core
