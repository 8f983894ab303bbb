#include <trapline/frame.hpp>

#include <fmt/format.h>

#include <ostream>

namespace trapline {

std::ostream& operator<<(std::ostream& out, const Frame& frame) {
  out << fmt::format("{:#x} ", frame.pc);
  if (!frame.function.empty()) {
    out << fmt::format("{}+{:#x}", frame.function, frame.offset);
  } else {
    out << "??";
    if (!frame.module.empty()) out << fmt::format(" +{:#x}", frame.offset);
  }
  if (!frame.module.empty()) out << " in " << frame.module;
  if (frame.signal_frame) out << " <signal handler called>";
  return out;
}

std::ostream& operator<<(std::ostream& out, const std::vector<Frame>& frames) {
  std::size_t number = 0;
  for (const Frame& frame : frames) out << '#' << number++ << ' ' << frame << '\n';
  return out;
}

}  // namespace trapline
