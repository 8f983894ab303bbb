#include "core/regex_pattern.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include <trapline/error.hpp>

#include "fake_memory.hpp"

namespace trapline::core {
namespace {

std::shared_ptr<const Matcher> regex(std::string_view expression, const RegexOptions& options = {}) {
  return std::make_shared<RegexPattern>(expression, options);
}

TEST(RegexPattern, MatchesBytes) {
  FakeMemory memory(page);
  memory.put(100, "flag{one}");
  memory.put(200, std::string_view("flag{\0\n\xff}", 9));
  const std::vector<Match> both = {{base + 100, 9}, {base + 200, 9}};
  EXPECT_EQ(memory.search(regex(R"(flag\{.*?\})")), both) << "any byte is a character";
  EXPECT_EQ(memory.search(regex(R"(FLAG\{[^}]+\})", {.ignore_case = true})), both);
  EXPECT_EQ(memory.search(regex(R"(\{\x00\n\xff)")), (std::vector<Match>{{base + 204, 4}}));
  EXPECT_EQ(memory.search(regex(R"(FLAG)")), std::vector<Match>{});
  EXPECT_EQ(memory.search(regex(std::string_view("\0f", 2))), (std::vector<Match>{{base + 99, 2}, {base + 199, 2}}));
  EXPECT_EQ(memory.search(regex("[a-z]+"), {.limit = 2}), (std::vector<Match>{{base + 100, 4}, {base + 105, 3}}));
}

TEST(RegexPattern, RefusesWhatIsNone) {
  for (const char* expression : {"(", "[a", "a**", "", "a*", "x?", R"(\y)", "(a|)"}) {
    EXPECT_THROW(RegexPattern(expression, {}), UsageError) << expression;
  }
  EXPECT_THROW(RegexPattern("a", {.max_length = 0}), UsageError);
  EXPECT_THROW(RegexPattern("a", {.max_length = SIZE_MAX}), UsageError);
}

TEST(RegexPattern, SeesAcrossPiecesAndUpToHoles) {
  for (std::size_t back = 0; back < 12; ++back) {
    FakeMemory memory(2 * piece + page);
    memory.put(piece - back, "begin12345end");
    memory.put(2 * piece - 5, "begin");
    memory.make_hole(2 * piece / page);
    EXPECT_EQ(memory.search(regex("begin[0-9]+end")), (std::vector<Match>{{base + piece - back, 13}})) << back;
    EXPECT_EQ(memory.search(regex("begin.?")),
              (std::vector<Match>{{base + piece - back, 6}, {base + 2 * piece - 5, 5}}));
  }
}

TEST(RegexPattern, KnowsTheEndsOfWhatIsReadableFromTheEndsOfPieces) {
  FakeMemory memory(3 * piece);
  for (const std::size_t at : {std::size_t{0}, piece - 2, piece, 2 * piece - 1, 3 * piece - 2}) memory.put(at, "ab");
  memory.make_hole(2 * piece / page + 1);
  memory.put(2 * piece + 2 * page, "ab");
  EXPECT_EQ(memory.find(regex("^ab")), (std::vector<Address>{base, base + 2 * piece + 2 * page}));
  EXPECT_EQ(memory.find(regex("ab$")), std::vector<Address>{base + 3 * piece - 2});
  EXPECT_EQ(memory.find(regex(R"(\bab\b)")),
            (std::vector<Address>{base, base + 2 * piece - 1, base + 2 * piece + 2 * page, base + 3 * piece - 2}));
}

/// The definition: at each place, what matches in the bytes that a match may have, from the left.
std::vector<Match> search_slowly(const FakeMemory& memory, const char* expression, std::size_t longest) {
  RE2::Options options;
  options.set_encoding(RE2::Options::EncodingLatin1);
  options.set_dot_nl(true);
  const RE2 compiled(expression, options);
  const std::string_view all = support::as_text(memory.bytes());
  std::vector<Match> matches;
  for (std::size_t at = 0; at < all.size();) {
    re2::StringPiece found;
    std::size_t end = at;
    while (end < all.size() && end < at + longest && memory.readable(end)) ++end;
    const re2::StringPiece text(all.data(), all.size());
    if (end > at && compiled.Match(text, at, end, RE2::ANCHOR_START, &found, 1) && !found.empty()) {
      matches.push_back({base + at, found.size()});
      at += found.size();
    } else {
      ++at;
    }
  }
  return matches;
}

TEST(RegexPattern, AgreesWithTryingEveryPlace) {
  std::mt19937 random(5);
  const std::vector<const char*> expressions = {"a+b",   "a.*b",    "ab|a.{3,9}c", "[^a]{2,30}b",    "(ab)+c?",
                                                "a.*?c", "b[ac]*b", "a(.*ccc)?",   "(a|b|c){40,60}b"};
  for (int round = 0; round < 120; ++round) {
    const std::size_t size = round % 20 == 0 ? piece + 3000 : 1 + random() % (2 * page);
    FakeMemory memory(size);
    const auto letters = 3 + random() % 10;
    for (std::size_t i = 0; i < size; ++i) memory.data()[i] = static_cast<std::byte>('a' + random() % letters);
    if (size > page && random() % 3 == 0) memory.make_hole(random() % 2);
    const char* expression = expressions[random() % expressions.size()];
    const std::size_t longest = std::vector<std::size_t>{1, 7, 64, 300}[random() % 4];
    ASSERT_EQ(memory.search(regex(expression, {.max_length = longest})), search_slowly(memory, expression, longest))
        << expression << ' ' << longest << ' ' << size;
  }
}

TEST(RegexPattern, NoExpressionBlowsUp) {
  // One of these takes std::regex and backtracking engines for ever, or their stack.
  FakeMemory memory(8 * piece);
  std::memset(memory.data(), 'a', 8 * piece);
  memory.put(5 * piece, "b");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(memory.search(regex("(a+)+$")).size(), 1U);
  EXPECT_EQ(memory.search(regex("(a|aa)+c")).size(), 0U);
  EXPECT_EQ(memory.search(regex("(a|a)*b")).size(), 1U);
  EXPECT_EQ(memory.search(regex("a.*b.*a{200}")).size(), 1U);
  EXPECT_EQ(memory.search(regex("(x+x+)+y")).size(), 0U);
  // The machine may be slow, but not a thousand times.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

}  // namespace
}  // namespace trapline::core
