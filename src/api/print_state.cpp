#include <trapline/print_state.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "api/print_style.hpp"
#include "support/text.hpp"

namespace trapline {
namespace {

using print::Painter;
using print::Tone;

/// `132K`, `8M`: mappings are whole pages.
std::string size_in_words(std::uint64_t size) {
  constexpr std::uint64_t step = 1024;
  std::string_view units = "KMGTP";
  std::uint64_t value = size / step;
  while (units.size() > 1 && value >= 10 * step) {
    value /= step;
    units.remove_prefix(1);
  }
  return fmt::format("{}{}", value, units.front());
}

std::string function_of(const Frame& frame) {
  if (frame.function.empty()) return frame.module.empty() ? "??" : fmt::format("?? +{:#x}", frame.offset);
  return fmt::format("{}+{:#x}", print::readable_name(frame.function), frame.offset);
}

std::string at(const Painter& paint, const std::optional<SourceLine>& line) {
  if (!line || line->file.empty()) return {};
  return " at " + paint(Tone::text, fmt::format("{}:{}", support::escape(line->file), line->line));
}

/// One call's output.
class BacktracePrinter {
 public:
  BacktracePrinter(const std::ostream& out, const std::vector<Frame>& frames, const PrintStyle& style)
      : paint_(out, style.color), number_width_(fmt::formatted_size("#{}", frames.empty() ? 0 : frames.size() - 1)) {
    for (const Frame& frame : frames) address_width_ = std::max(address_width_, fmt::formatted_size("{:#x}", frame.pc));
  }

  void add(const Frame& frame) {
    std::optional<SourceLine> line = frame.source;
    for (const InlinedCall& call : frame.inlined) {
      begin(frame.pc);
      const std::string function = call.function.empty() ? "??" : print::readable_name(call.function);
      text_ += paint_(Tone::symbol, function) + paint_(Tone::faint, " [inlined]") + at(paint_, line) + '\n';
      line = call.call;
    }
    begin(frame.pc);
    text_ += paint_(Tone::symbol, function_of(frame));
    if (!frame.module.empty()) text_ += " in " + support::escape(frame.module);
    if (frame.signal_frame) text_ += paint_(Tone::flow, " <signal handler called>");
    text_ += at(paint_, line) + '\n';
    ++number_;
  }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void begin(Address pc) {
    const std::string label = fmt::format("#{}", number_);
    const std::string address = fmt::format("{:#x}", pc);
    text_ += label + print::padding(label.size(), number_width_) + ' ' + paint_(Tone::faint, address) +
             print::padding(address.size(), address_width_) + ' ';
  }

  Painter paint_;
  std::size_t number_width_;
  std::size_t address_width_ = 0;
  std::size_t number_ = 0;
  std::string text_;
};

}  // namespace

void print_maps(std::ostream& out, const MemoryMaps& maps, const PrintStyle& style) {
  const Painter paint(out, style.color);
  std::string text;
  std::size_t width = 0;
  std::size_t offset_width = 0;
  for (const MemoryMap& map : maps) {
    width = std::max(width, fmt::formatted_size("{:#x}-{:#x}", map.start, map.end));
    offset_width = std::max(offset_width, fmt::formatted_size("{:#x}", map.offset));
  }
  for (const MemoryMap& map : maps) {
    const std::string bounds = fmt::format("{:#x}-{:#x}", map.start, map.end);
    const Tone tone = print::tone_of(map.path, map.writable, map.executable);
    text += bounds + print::padding(bounds.size(), width) + "  ";
    // What can be written and executed is what one looks for.
    text += paint(map.writable && map.executable ? Tone::changed : tone, map.permissions());
    text += fmt::format(" {:>7}  {:<{}}", size_in_words(map.size()), fmt::format("{:#x}", map.offset), offset_width);
    if (!map.path.empty()) text += "  " + paint(tone, support::escape(map.path));
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  out << text;
}

void print_backtrace(std::ostream& out, const std::vector<Frame>& frames, const PrintStyle& style) {
  BacktracePrinter printer(out, frames, style);
  for (const Frame& frame : frames) printer.add(frame);
  out << printer.text();
}

}  // namespace trapline
