#include "core/regex_pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include <trapline/error.hpp>

#include "support/bytes.hpp"
#include "support/text.hpp"

namespace trapline::core {
namespace {

constexpr std::size_t longest_allowed = std::size_t{1} << 20;

RE2::Options re2_options(const RegexOptions& options) {
  RE2::Options result;
  // Bytes, not characters of which some byte sequences are none.
  result.set_encoding(RE2::Options::EncodingLatin1);
  result.set_dot_nl(true);
  result.set_case_sensitive(!options.ignore_case);
  result.set_never_capture(true);
  result.set_log_errors(false);
  return result;
}

struct Found {
  std::size_t offset = 0;
  std::size_t size = 0;
};

/// The leftmost match within [from, to); what is around that is only looked at for `^`, `$` and `\b`.
std::optional<Found> match(const RE2& regex, re2::StringPiece text, std::size_t from, std::size_t to,
                           RE2::Anchor anchor) {
  re2::StringPiece found;
  if (!regex.Match(text, from, to, anchor, &found, 1)) return std::nullopt;
  return Found{static_cast<std::size_t>(found.data() - text.data()), found.size()};
}

}  // namespace

RegexPattern::RegexPattern(std::string_view expression, const RegexOptions& options)
    : regex_(re2::StringPiece(expression.data(), expression.size()), re2_options(options)),
      longest_(options.max_length) {
  const std::string shown = support::escape(expression);
  if (!regex_.ok()) {
    throw UsageError(
        fmt::format("find: \"{}\" is no regular expression: {} (its syntax is RE2's)", shown, regex_.error()));
  }
  if (longest_ == 0 || longest_ > longest_allowed) {
    throw UsageError(fmt::format("find: a match may be 1 to {} bytes long, not {}", longest_allowed, longest_));
  }
  if (RE2::FullMatch("", regex_)) {
    throw UsageError(
        fmt::format("find: \"{}\" matches also no byte at all, which is everywhere; use '+' for '*'", shown));
  }
}

bool RegexPattern::matches_zeros() const {
  const std::string zeros(2 * longest_, '\0');
  return RE2::PartialMatch(zeros, regex_);
}

std::size_t RegexPattern::scan(const Window& window, std::size_t from, MatchSink& sink) const {
  const std::string_view bytes = support::as_text(window.bytes);
  const re2::StringPiece text(bytes.data(), bytes.size());
  // The byte behind what is looked at tells `$` and `\b` whether there is one.
  const std::size_t size = bytes.size() - (window.last || bytes.empty() ? 0 : 1);
  // A match is what matches in the `longest_` bytes from its start on, whatever the windows are. Its search may find
  // longer ones and have to begin again a byte later, so the more that happens, the less is looked at in one go.
  constexpr std::size_t most = std::size_t{128} * 1024;
  std::size_t ahead = most;
  while (from < size && !sink.full()) {
    if (!window.last && size - from < longest_) return from;
    const std::size_t end = std::min(from + longest_ + ahead, size);
    const auto found = match(regex_, text, from, end, RE2::UNANCHORED);
    if (!found) {
      // Everything that begins where `longest_` bytes were in view is decided.
      from = end < size || !window.last ? end - longest_ + 1 : size;
      ahead = std::min(ahead * 2, most);
      continue;
    }
    const std::size_t start = found->offset;
    if (start + longest_ > end && end < size) {
      from = start;
      continue;
    }
    if (start + longest_ > size && !window.last) return start;
    std::size_t length = found->size;
    if (length > longest_) {
      const auto shorter = match(regex_, text, start, start + longest_, RE2::ANCHOR_START);
      length = shorter ? shorter->size : 0;
    }
    ahead = std::max<std::size_t>(ahead / 2, 1);
    from = start + 1;
    if (length == 0 || !sink.takes(window.origin + start)) continue;
    sink.add(window.origin + start, length);
    from = start + length;
  }
  return from;
}

}  // namespace trapline::core
