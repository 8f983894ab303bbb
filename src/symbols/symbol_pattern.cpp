#include "symbols/symbol_pattern.hpp"

#include <regex>

#include <trapline/error.hpp>

#include "support/text.hpp"
#include "symbols/cxx_name.hpp"

namespace trapline::symbols {
namespace {

/// Goes back to the last star only, so that it takes no more than the product of both sizes.
bool fits_glob(std::string_view glob, std::string_view text) {
  std::size_t g = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t after_star = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      after_star = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++after_star;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', g) == std::string_view::npos;
}

}  // namespace

struct SymbolPattern::Expression {
  std::regex regex;
};

SymbolPattern::SymbolPattern(std::string_view written) {
  if (written.size() < 2 || !written.starts_with('/') || !written.ends_with('/')) {
    glob_ = written;
    return;
  }
  const std::string_view expression = written.substr(1, written.size() - 2);
  try {
    const auto options = std::regex::ECMAScript | std::regex::optimize;
    expression_ = std::make_unique<Expression>(Expression{std::regex(expression.begin(), expression.end(), options)});
  } catch (const std::regex_error& error) {
    throw UsageError("\"" + support::escape(written) + "\" is no regular expression: " + error.what());
  }
}

SymbolPattern::SymbolPattern(SymbolPattern&& other) noexcept = default;
SymbolPattern& SymbolPattern::operator=(SymbolPattern&& other) noexcept = default;
SymbolPattern::~SymbolPattern() = default;

bool SymbolPattern::fits(std::string_view text) const {
  if (!expression_) return fits_glob(glob_, text);
  // libstdc++ matches by recursion, deeper for longer texts: a name made to be long would overflow the stack.
  constexpr std::size_t longest = 4096;
  const std::string_view head = text.substr(0, longest);
  return std::regex_search(head.begin(), head.end(), expression_->regex);
}

bool SymbolPattern::matches(std::string_view name) const {
  if (fits(name)) return true;
  const std::string meant = demangle(name);
  return meant != name && fits(meant);
}

}  // namespace trapline::symbols
