#include <trapline/frame.hpp>

#include <fmt/format.h>

#include <ostream>

#include "symbols/cxx_name.hpp"

namespace trapline {
namespace {

std::string text_of(const SourceLine& line) {
  std::string text = fmt::format("{}:{}", line.file, line.line);
  if (line.column != 0) text += fmt::format(":{}", line.column);
  return text;
}

std::string at(const SourceLine& line) {
  if (line.file.empty()) return "";
  return " at " + text_of(line);
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const SourceLine& line) { return out << text_of(line); }

std::ostream& operator<<(std::ostream& out, const Frame& frame) {
  out << fmt::format("{:#x} ", frame.pc);
  if (!frame.function.empty()) {
    out << fmt::format("{}+{:#x}", symbols::demangle(frame.function), frame.offset);
  } else {
    out << "??";
    if (!frame.module.empty()) out << fmt::format(" +{:#x}", frame.offset);
  }
  if (!frame.module.empty()) out << " in " << frame.module;
  if (frame.signal_frame) out << " <signal handler called>";
  // What is inlined has lines of its own: the function itself is where it called the outermost of that.
  if (!frame.inlined.empty()) return out << at(frame.inlined.back().call);
  return frame.source ? out << at(*frame.source) : out;
}

std::ostream& operator<<(std::ostream& out, const std::vector<Frame>& frames) {
  std::size_t number = 0;
  for (const Frame& frame : frames) {
    std::optional<SourceLine> line = frame.source;
    for (const InlinedCall& call : frame.inlined) {
      const std::string_view function = call.function.empty() ? "??" : std::string_view(call.function);
      out << fmt::format("#{} {:#x} {} [inlined]{}\n", number, frame.pc, function, line ? at(*line) : "");
      line = call.call;
    }
    out << '#' << number++ << ' ' << frame << '\n';
  }
  return out;
}

}  // namespace trapline
