#include "symbols/symbol_pattern.hpp"

#include <gtest/gtest.h>

#include <trapline/error.hpp>

namespace trapline::symbols {
namespace {

bool fits(std::string_view pattern, std::string_view name) { return SymbolPattern(pattern).matches(name); }

TEST(SymbolPattern, Glob) {
  EXPECT_TRUE(fits("main", "main"));
  EXPECT_FALSE(fits("mai", "main"));
  EXPECT_TRUE(fits("m*n", "main"));
  EXPECT_TRUE(fits("*", ""));
  EXPECT_TRUE(fits("m??n", "main"));
  EXPECT_FALSE(fits("m?n", "main"));
  EXPECT_TRUE(fits("*@plt", "puts@plt"));
  EXPECT_FALSE(fits("", "main"));
  EXPECT_TRUE(fits("*a*b*c", "xaxbxbc"));
  EXPECT_FALSE(fits("*a*b*c", "xaxbxbd"));
  EXPECT_FALSE(fits("a*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

TEST(SymbolPattern, OfCxxNames) {
  EXPECT_TRUE(fits("ns::*", "_ZN2ns1fEi"));
  EXPECT_TRUE(fits("_ZN2ns*", "_ZN2ns1fEi"));
  EXPECT_TRUE(fits("/^ns::f\\(int\\)$/", "_ZN2ns1fEi"));
}

TEST(SymbolPattern, Expression) {
  EXPECT_TRUE(fits("/^str(n?)cpy$/", "strncpy"));
  EXPECT_FALSE(fits("/^str(n?)cpy$/", "strlcpy"));
  EXPECT_TRUE(fits("/cpy/", "strlcpy"));
  EXPECT_THROW(SymbolPattern("/(/"), UsageError);
  EXPECT_TRUE(fits("/a.*b/", "a" + std::string(3000, 'x') + "b"));
  EXPECT_FALSE(fits("/a.*b/", "a" + std::string(10'000'000, 'x'))) << "and no overflow of the stack";
}

}  // namespace
}  // namespace trapline::symbols
