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
  return fmt::format("{}+{:#x}", support::escape(frame.function), frame.offset);
}

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
  const Painter paint(out, style.color);
  std::size_t address_width = 0;
  std::size_t number_width = fmt::formatted_size("#{}", frames.empty() ? 0 : frames.size() - 1);
  for (const Frame& frame : frames) address_width = std::max(address_width, fmt::formatted_size("{:#x}", frame.pc));
  std::string text;
  std::size_t number = 0;
  for (const Frame& frame : frames) {
    const std::string label = fmt::format("#{}", number++);
    const std::string address = fmt::format("{:#x}", frame.pc);
    text += label + print::padding(label.size(), number_width) + ' ' + paint(Tone::faint, address) +
            print::padding(address.size(), address_width) + ' ' + paint(Tone::symbol, function_of(frame));
    if (!frame.module.empty()) text += " in " + support::escape(frame.module);
    if (frame.signal_frame) text += paint(Tone::flow, " <signal handler called>");
    text += '\n';
  }
  out << text;
}

}  // namespace trapline
