#include "support/text.hpp"

#include <gtest/gtest.h>

#include <array>

namespace trapline::support {
namespace {

using namespace std::string_view_literals;

TEST(Text, printable_ascii_stays) { EXPECT_EQ(escape("abc XYZ 019 ~!'"), "abc XYZ 019 ~!'"); }

TEST(Text, what_could_harm_a_terminal_is_escaped) {
  EXPECT_EQ(escape("\a\b\t\n\v\f\r"), "\\a\\b\\t\\n\\v\\f\\r");
  EXPECT_EQ(escape("\x1b[31mred"), "\\33[31mred");
  EXPECT_EQ(escape("a\0b"sv), "a\\0b");
  EXPECT_EQ(escape("\x7f\x80\xff"), "\\177\\200\\377");
  EXPECT_EQ(escape("caf\xc3\xa9"), "caf\\303\\251");
}

TEST(Text, an_escape_does_not_swallow_the_digit_that_follows) {
  EXPECT_EQ(escape("\0001"sv), "\\0001");
  EXPECT_EQ(escape("\x1b"
                   "7"),
            "\\0337");
  EXPECT_EQ(escape("\001\002"sv), "\\1\\2");
}

TEST(Text, the_quote_and_the_backslash_are_escaped) {
  EXPECT_EQ(escape("say \"x\" \\ 'y'"), "say \\\"x\\\" \\\\ 'y'");
  EXPECT_EQ(escape("say \"x\" 'y'", '\''), "say \"x\" \\'y\\'");
}

TEST(Text, joins) {
  EXPECT_EQ(join({}, ", "), "");
  EXPECT_EQ(join(std::array{std::string("a")}, ", "), "a");
  EXPECT_EQ(join(std::array{std::string("a"), std::string(), std::string("c")}, ", "), "a, , c");
}

TEST(Text, edit_distance) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("openat", "openat"), 0U);
  EXPECT_EQ(edit_distance("openat", "opnat"), 1U);
  EXPECT_EQ(edit_distance("openat", "openaat"), 1U);
  EXPECT_EQ(edit_distance("openat", "openot"), 1U);
  EXPECT_EQ(edit_distance("read", "raed"), 1U) << "a swap of neighbours is one slip";
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Text, near_names_come_nearest_first) {
  constexpr std::array names{"write"sv, "writev"sv, "read"sv, "readv"sv, "readahead"sv, "creat"sv};
  EXPECT_EQ(near_names("raed", names).front(), "read");
  EXPECT_EQ(near_names("writ", names), (std::vector<std::string>{"write", "writev"}));
  EXPECT_EQ(near_names("reada", names).front(), "read");
  EXPECT_TRUE(near_names("zzzzzz", names).empty());
}

TEST(Text, near_names_are_few_and_differ) {
  constexpr std::array names{"aa1"sv, "aa1"sv, "aa2"sv, "aa3"sv, "aa4"sv};
  EXPECT_EQ(near_names("aa", names), (std::vector<std::string>{"aa1", "aa2", "aa3"}));
  EXPECT_EQ(near_names("aa", names, 1).size(), 1U);
}

}  // namespace
}  // namespace trapline::support
