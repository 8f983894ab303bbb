#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <span>

#include <trapline/error.hpp>
#include <trapline/print_state.hpp>

#include "api/print_style.hpp"

namespace trapline {
namespace {

using print::Painter;
using print::Tone;

constexpr std::size_t line_size = 16;

std::string as_bytes_and_text(const Painter& paint, ByteView line) {
  std::string digits;
  std::string text;
  for (std::size_t i = 0; i < line_size; ++i) {
    if (i % 8 == 0 && i != 0) digits += ' ';
    if (i >= line.size()) {
      digits += "   ";
      continue;
    }
    const auto value = static_cast<unsigned char>(line[i]);
    const std::string pair = fmt::format("{:02x}", value);
    digits += ' ' + (value == 0 ? paint(Tone::faint, pair) : pair);
    text += value >= 0x20 && value < 0x7f ? static_cast<char>(value) : '.';
  }
  return digits + "  |" + paint(Tone::text, text) + '|';
}

std::string as_integers(ByteView line, const MemoryStyle& style) {
  std::string text;
  for (std::size_t at = 0; at < line.size(); at += style.word_size) {
    const ByteView word = line.subspan(at, std::min(style.word_size, line.size() - at));
    std::string digits;
    for (const std::byte byte : word) {
      const std::string pair = fmt::format("{:02x}", static_cast<unsigned>(byte));
      digits = style.big_endian ? digits + pair : pair + digits;
    }
    text += " 0x" + digits;
  }
  return text;
}

void check(const MemoryStyle& style) {
  constexpr std::size_t sizes[] = {0, 1, 2, 4, 8};
  if (std::ranges::find(sizes, style.word_size) == std::end(sizes)) {
    throw UsageError(fmt::format("integers of {} bytes: a word size is 1, 2, 4 or 8", style.word_size));
  }
}

void append_bound(std::string& text, const Painter& paint, const Place& place) {
  text += fmt::format("{:#x}", place.address) + print::in_brackets(paint, place);
}

}  // namespace

void print_memory(std::ostream& out, const MemoryBlock& block, const MemoryStyle& style) {
  check(style);
  const Painter paint(out, style.color);
  std::string text;
  append_bound(text, paint, block.start);
  text += " to ";
  append_bound(text, paint, block.end);
  text += fmt::format(
      ", {} bytes{}\n", block.bytes.size(),
      block.bytes.size() < block.wanted ? fmt::format(" of {}; the rest cannot be read", block.wanted) : "");
  ByteView before;
  bool left_out = false;
  for (std::size_t at = 0; at < block.bytes.size(); at += line_size) {
    const ByteView line = ByteView(block.bytes).subspan(at, std::min(line_size, block.bytes.size() - at));
    const bool last = at + line_size >= block.bytes.size();
    if (!last && std::ranges::equal(line, before)) {
      if (!left_out) text += "*\n";
      left_out = true;
      continue;
    }
    left_out = false;
    before = line;
    text += fmt::format("{:#x} ", block.start.address + at);
    text += style.word_size == 0 ? as_bytes_and_text(paint, line) : as_integers(line, style);
    text += '\n';
  }
  out << text;
}

void print_words(std::ostream& out, const std::vector<MemoryWord>& words, const PrintStyle& style) {
  const Painter paint(out, style.color);
  std::size_t width = 0;
  for (const MemoryWord& word : words) width = std::max(width, fmt::formatted_size("{:#x}", word.value));
  std::string text;
  for (const MemoryWord& word : words) {
    const std::string digits = fmt::format("{:#x}", word.value);
    text += fmt::format("{:#x}", word.place.address) + print::in_brackets(paint, word.place) + "  " + digits;
    const std::string remark = print::describe(paint, word.pointee);
    if (!remark.empty()) text += print::padding(digits.size(), width) + "  " + remark;
    text += '\n';
  }
  out << text;
}

}  // namespace trapline
