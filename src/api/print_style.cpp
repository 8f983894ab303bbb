#include "api/print_style.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <sstream>

#include <trapline/print.hpp>

#include "support/text.hpp"
#include "symbols/cxx_name.hpp"

namespace trapline {
namespace {

bool on_terminal(const std::ostream& out) {
  // Somebody may have put a buffer of his own under std::cout.
  if (dynamic_cast<const std::stringbuf*>(out.rdbuf()) != nullptr) return false;
  if (&out == &std::cout) return ::isatty(STDOUT_FILENO) == 1;
  return (&out == &std::cerr || &out == &std::clog) && ::isatty(STDERR_FILENO) == 1;
}

}  // namespace

bool uses_color(const std::ostream& out, Color color) {
  if (color != Color::automatic) return color == Color::always;
  const char* refusal = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  if (refusal != nullptr && *refusal != '\0') return false;
  if (terminal != nullptr && std::string_view(terminal) == "dumb") return false;
  return on_terminal(out);
}

namespace print {
namespace {

std::string_view sequence(Tone tone) {
  switch (tone) {
    case Tone::plain: return "";
    case Tone::faint: return "\033[2m";
    case Tone::strong: return "\033[1m";
    case Tone::code:
    case Tone::bad: return "\033[31m";
    case Tone::stack:
    case Tone::flow: return "\033[33m";
    case Tone::heap: return "\033[34m";
    case Tone::data: return "\033[35m";
    case Tone::symbol: return "\033[36m";
    case Tone::good:
    case Tone::text: return "\033[32m";
    case Tone::changed: return "\033[1;31m";
  }
  return "";
}

}  // namespace

std::string Painter::operator()(Tone tone, std::string_view text) const {
  const std::string_view begin = sequence(tone);
  if (!on_ || begin.empty() || text.empty()) return std::string(text);
  return fmt::format("{}{}\033[0m", begin, text);
}

Tone tone_of(std::string_view map, bool writable, bool executable) {
  if (executable) return Tone::code;
  if (map.starts_with("[stack")) return Tone::stack;
  if (map == "[heap]") return Tone::heap;
  return writable ? Tone::data : Tone::plain;
}

std::string readable_name(std::string_view name) { return support::escape(symbols::demangle(name)); }

std::string readable_place(const Place& place) {
  if (place.symbol.empty()) return {};
  return readable_name(place.symbol) + (place.offset != 0 ? fmt::format("+{:#x}", place.offset) : "");
}

std::string short_name(std::string_view path) {
  if (path.empty()) return "anonymous";
  return support::escape(path.substr(path.rfind('/') + 1));
}

std::string describe(const Painter& paint, const std::optional<Pointee>& pointee) {
  if (!pointee) return {};
  std::string out = paint(tone_of(pointee->map, pointee->writable, pointee->executable), short_name(pointee->map));
  if (const std::string symbol = readable_place(pointee->place); !symbol.empty()) {
    out = paint(Tone::symbol, symbol) + " in " + out;
  }
  if (!pointee->text.empty()) {
    std::string quoted;
    append_quoted(quoted, pointee->text);
    return out + " -> " + paint(Tone::text, quoted);
  }
  // What code consists of is shown by a disassembly.
  if (pointee->word && !pointee->executable) out += fmt::format(" -> {:#x}", *pointee->word);
  return out;
}

std::string in_brackets(const Painter& paint, const Place& place) {
  const std::string symbol = readable_place(place);
  return symbol.empty() ? std::string() : " <" + paint(Tone::symbol, symbol) + '>';
}

std::string padding(std::size_t used, std::size_t width) { return std::string(used < width ? width - used : 0, ' '); }

}  // namespace print
}  // namespace trapline
