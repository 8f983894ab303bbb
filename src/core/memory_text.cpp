#include "core/memory_text.hpp"

#include <algorithm>
#include <array>

#include "core/process.hpp"
#include "support/bytes.hpp"

namespace trapline::core {
namespace {

bool is_printable(unsigned char c) { return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n' || c == '\r'; }

/// The size of the character that begins with this byte, 0 when none does.
std::size_t character_size(unsigned char lead) {
  if (lead < 0x80) return is_printable(lead) ? 1 : 0;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

}  // namespace

std::optional<std::string> string_at(Address address, std::size_t max, ReadMemory read) {
  std::string text;
  std::array<std::byte, 4096> piece;
  while (text.size() < max) {
    // Up to the end of a page at most: what is behind is rarely needed.
    const Address at = address + text.size();
    const std::size_t wanted = std::min(max - text.size(), piece.size() - at % piece.size());
    const std::size_t count = read(at, std::span(piece).first(wanted));
    if (count == 0 && text.empty()) return std::nullopt;
    const std::string_view found = support::as_text(std::span(piece).first(count));
    const std::size_t end = found.find('\0');
    text += found.substr(0, end);
    if (end != std::string_view::npos || count < wanted) break;
  }
  return text;
}

std::optional<std::string> string_at(Process& process, Address address, std::size_t max) {
  return string_at(address, max,
                   [&](Address at, std::span<std::byte> into) { return process.memory().read(at, into); });
}

std::optional<std::string> text_in(ByteView bytes, const TextBounds& bounds) {
  const std::size_t size = printable_prefix(bytes);
  if (size < std::max<std::size_t>(bounds.min, 1)) return std::nullopt;
  const bool ends = size == bytes.size() || bytes[size] == std::byte{0};
  if (!ends && size < bounds.max) return std::nullopt;
  const std::size_t shown = printable_prefix(bytes.first(std::min(size, bounds.max)));
  return std::string(support::as_text(bytes.first(shown)));
}

std::size_t printable_prefix(ByteView bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t size = character_size(std::to_integer<unsigned char>(bytes[at]));
    if (size == 0 || bytes.size() - at < size) break;
    const ByteView rest = bytes.subspan(at + 1, size - 1);
    if (!std::ranges::all_of(rest, [](std::byte byte) { return (byte & std::byte{0xc0}) == std::byte{0x80}; })) break;
    at += size;
  }
  return at;
}

}  // namespace trapline::core
