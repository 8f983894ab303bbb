#pragma once

#include <re2/re2.h>

#include <string_view>

#include <trapline/pattern.hpp>

#include "core/matcher.hpp"

namespace trapline::core {

/// A regular expression over bytes. RE2 takes time in proportion to what it looks at, for every expression and every
/// data, and uses neither recursion nor unlimited memory.
class RegexPattern final : public Matcher {
 public:
  /// Throws UsageError for an expression that is none, or that nothing at all matches.
  RegexPattern(std::string_view expression, const RegexOptions& options);

  [[nodiscard]] std::size_t reach() const override { return longest_ + 1; }
  [[nodiscard]] bool matches_zeros() const override;
  std::size_t scan(const Window& window, std::size_t from, MatchSink& sink) const override;

 private:
  RE2 regex_;
  std::size_t longest_;
};

}  // namespace trapline::core
