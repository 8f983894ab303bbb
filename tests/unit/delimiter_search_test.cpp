#include "core/delimiter_search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace trapline::core {
namespace {

using Strings = std::vector<std::string>;

std::optional<std::size_t> found(const Strings& delimiters, std::string_view text, std::size_t occurrences = 1) {
  return DelimiterSearch(delimiters, occurrences).find(text, 0);
}

TEST(DelimiterSearch, EndsBehindTheFirst) {
  EXPECT_EQ(found({"\n"}, "one\ntwo\n"), 4U);
  EXPECT_EQ(found({"\n"}, "one"), std::nullopt);
  EXPECT_EQ(found({"\n"}, ""), std::nullopt);
  EXPECT_EQ(found({""}, "text"), std::nullopt);
}

TEST(DelimiterSearch, OfSeveralTheOneThatEndsFirst) {
  EXPECT_EQ(found({"#", "$ "}, "root$ ls # x"), 6U);
  EXPECT_EQ(found({"abcdef", "cd"}, "abcdef"), 4U);
}

TEST(DelimiterSearch, OfThoseThatEndTogetherTheLongest) {
  for (const Strings& delimiters : {Strings{"\n", "\r\n"}, Strings{"\r\n", "\n"}}) {
    DelimiterSearch search(delimiters, 1);
    EXPECT_EQ(search.find("line\r\n", 0), 6U);
    EXPECT_EQ(search.delimiter_length(), 2U);
  }
}

TEST(DelimiterSearch, OccurrencesDoNotOverlap) {
  EXPECT_EQ(found({"aa"}, "aaaa", 2), 4U);
  EXPECT_EQ(found({"aa"}, "aaa", 2), std::nullopt);
  EXPECT_EQ(found({"a", "b"}, "xaxbxa", 3), 6U);
  EXPECT_EQ(found({"a"}, "xa", 0), 2U) << "none means one";
}

TEST(DelimiterSearch, GoesOnInAGrowingText) {
  const Strings delimiters{"stop", "\n\n"};
  DelimiterSearch search(delimiters, 2);
  const std::string text = "a stop b st\n\n";
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_EQ(search.find(std::string_view(text).substr(0, length), 0), std::nullopt);
  }
  EXPECT_EQ(search.find(text, 0), text.size());
}

TEST(DelimiterSearch, BeginsAnewWhenSomebodyTookFromTheText) {
  const Strings delimiters{"end"};
  DelimiterSearch search(delimiters, 1);
  EXPECT_EQ(search.find("0123456789", 0), std::nullopt);
  EXPECT_EQ(search.find("end", 10), 3U);
}

/// The definition, without windows and memory.
std::optional<std::size_t> found_simply(const Strings& delimiters, const std::string& text, std::size_t occurrences) {
  std::size_t from = 0;
  for (; occurrences > 0; --occurrences) {
    std::size_t best = std::string::npos;
    for (const std::string& delimiter : delimiters) {
      const std::size_t at = text.find(delimiter, from);
      if (at != std::string::npos) best = std::min(best, at + delimiter.size());
    }
    if (best == std::string::npos) return std::nullopt;
    from = best;
  }
  return from;
}

TEST(DelimiterSearch, AgreesWithItsDefinitionOnAnyText) {
  std::mt19937 random(1);
  const auto text_of = [&](std::size_t length) {
    std::string text(length, ' ');
    std::ranges::generate(text, [&] { return "ab"[random() % 2]; });
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    const std::string text = text_of(9000);
    const Strings delimiters{text_of(1 + random() % 14), text_of(1 + random() % 14),
                             std::string(12 + random() % 6, 'a')};
    const std::size_t occurrences = 1 + random() % 4;
    DelimiterSearch search(delimiters, occurrences);
    std::optional<std::size_t> result;
    for (std::size_t length = 0; length < text.size() && !result;) {
      length = std::min(text.size(), length + 1 + random() % 3000);
      result = search.find(std::string_view(text).substr(0, length), 0);
    }
    ASSERT_EQ(result, found_simply(delimiters, text, occurrences)) << "round " << round;
  }
}

}  // namespace
}  // namespace trapline::core
