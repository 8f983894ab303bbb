#include <fmt/format.h>

#include <ostream>

#include <trapline/print.hpp>
#include <trapline/print_state.hpp>

#include "api/print_style.hpp"

namespace trapline {
namespace {

using print::Painter;
using print::Tone;

std::string place_of(const Painter& paint, const TelescopeLink& link, const MemoryMaps* maps) {
  const MemoryMap* map = maps != nullptr ? maps->at(link.address) : nullptr;
  const Tone tone = map != nullptr ? print::tone_of(map->path, map->writable, map->executable) : Tone::plain;
  std::string text = paint(tone, fmt::format("{:#x}", link.address));
  if (link.symbol) {
    const Place place{
        .address = link.address, .symbol = link.symbol->name, .offset = link.address - link.symbol->address};
    return text + print::in_brackets(paint, place);
  }
  // Of a stack or heap the colour and the digits tell enough, but files are many.
  if (map != nullptr && map->path.starts_with('/')) {
    text += fmt::format(" ({}+{:#x})", print::short_name(map->path), link.address - map->start + map->offset);
  }
  return text;
}

}  // namespace

void print_telescope(std::ostream& out, const Telescope& telescope, const TelescopeStyle& style) {
  const Painter paint(out, style.color);
  const std::string arrow = paint(Tone::faint, " -> ");
  std::string text;
  for (const TelescopeLink& link : telescope.links) {
    if (!text.empty()) text += arrow;
    text += place_of(paint, link, style.maps);
  }
  if (!telescope.links.empty()) {
    const TelescopeLink& last = telescope.links.back();
    switch (telescope.end) {
      case TelescopeEnd::value: text += arrow + fmt::format("{:#x}", last.value); break;
      case TelescopeEnd::string: {
        std::string quoted;
        append_quoted(quoted, last.string.value_or(""));
        text += arrow + paint(Tone::text, quoted);
        break;
      }
      // What code consists of is shown by a disassembly.
      case TelescopeEnd::code: break;
      case TelescopeEnd::loop: text += arrow + fmt::format("{:#x} (a loop)", last.value); break;
      case TelescopeEnd::depth: text += arrow + fmt::format("{:#x} ...", last.value); break;
    }
  }
  out << text << '\n';
}

}  // namespace trapline
