#include "support.hpp"

#include <sstream>

namespace trapline::live {
namespace {

using Backtrace = Live;

std::string name_of(const Frame& frame) {
  if (frame.signal_frame) return "<signal>";
  return frame.function.empty() ? "??" : frame.function;
}

/// The functions from the first named one of the program on to main, such as "inner middle outer main".
std::string functions(const std::vector<Frame>& frames, const std::string& from) {
  std::string text;
  for (const Frame& frame : frames) {
    const std::string name = name_of(frame);
    if (text.empty() && name != from) continue;
    text += (text.empty() ? "" : " ") + name;
    if (name == "main") break;
  }
  return text;
}

std::string shown(const std::vector<Frame>& frames) {
  std::ostringstream out;
  out << frames;
  return out.str();
}

TEST_F(Backtrace, of_nested_functions) {
  Debugger d(program("frames", {"nested"}));
  d.run(no_stdio());
  const Stop stop = to_announcement(d);
  const auto frames = stop.thread.backtrace();
  EXPECT_EQ(functions(frames, "inner"), "inner middle outer main") << shown(frames);
}

}  // namespace
}  // namespace trapline::live
