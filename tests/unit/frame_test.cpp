#include <gtest/gtest.h>

#include <sstream>

#include <trapline/frame.hpp>

namespace trapline {
namespace {

std::string text_of(const Frame& frame) {
  std::ostringstream out;
  out << frame;
  return out.str();
}

TEST(Frames, ArePrintedWithTheNamesThatUsersWrite) {
  const Frame frame{.pc = 0x401136, .function = "_ZN2ns1fEi", .offset = 0x12, .module = "/usr/bin/prog"};
  EXPECT_EQ(text_of(frame), "0x401136 ns::f(int)+0x12 in /usr/bin/prog");
  EXPECT_EQ(text_of({.pc = 0x401136, .function = "main", .offset = 2}), "0x401136 main+0x2");
  EXPECT_EQ(text_of({.pc = 0x401136, .offset = 0x1136, .module = "/bin/x"}), "0x401136 ?? +0x1136 in /bin/x");
}

}  // namespace
}  // namespace trapline
