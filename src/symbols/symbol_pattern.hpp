#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace trapline::symbols {

/// `str*`, `*@plt`, `ns::Class::*` (`*` stands for anything, `?` for one character), or a regular expression in slashes
/// that is searched for: `/^str(n?)cpy$/`.
class SymbolPattern {
 public:
  /// Throws UsageError when it is no regular expression.
  explicit SymbolPattern(std::string_view written);
  SymbolPattern(SymbolPattern&& other) noexcept;
  SymbolPattern& operator=(SymbolPattern&& other) noexcept;
  ~SymbolPattern();

  /// Whether it fits a name as it is or as C++ means it.
  [[nodiscard]] bool matches(std::string_view name) const;

 private:
  struct Expression;

  [[nodiscard]] bool fits(std::string_view text) const;

  std::string glob_;
  std::unique_ptr<Expression> expression_;
};

}  // namespace trapline::symbols
