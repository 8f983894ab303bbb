#include "core/telescope.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>

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

/// The text at an address: up to its NUL, the end of what can be read, or as much as is wanted of it.
std::optional<std::string> text_at(Address address, const PointerWorld& world, const TelescopeOptions& options) {
  // One byte more tells whether it goes on; of a character that is cut off there are up to three.
  Bytes bytes(options.max_string + 4);
  bytes.resize(world.read(address, bytes));
  const std::size_t size = printable_prefix(bytes);
  if (size < std::max<std::size_t>(options.min_string, 1)) return std::nullopt;
  const bool ends = size == bytes.size() || bytes[size] == std::byte{0};
  if (!ends && size < options.max_string) return std::nullopt;
  const std::size_t shown = printable_prefix(std::span(bytes).first(std::min(size, options.max_string)));
  return std::string(support::as_text(std::span(bytes).first(shown)));
}

/// Symbols are looked up only where there may be some: who follows pointers on a stack needs to know of no file.
bool may_have_symbols(const MemoryMap& map) { return map.path != "[stack]" && map.path != "[heap]"; }

struct Word {
  std::uint64_t value = 0;
  /// How many of its bytes could be read.
  std::size_t size = 0;
};

Word word_at(Address address, const PointerWorld& world) {
  Word word;
  std::array<std::byte, sizeof word.value> bytes{};
  word.size = world.read(address, std::span(bytes).first(world.pointer_size));
  std::memcpy(&word.value, bytes.data(), sizeof word.value);
  return word;
}

}  // namespace

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

Telescope follow_pointers(Address address, const PointerWorld& world, const TelescopeOptions& options) {
  Telescope result;
  std::unordered_set<Address> visited;
  for (;;) {
    const Word word = word_at(address, world);
    // What is mapped may still be unreadable; then the word before leads nowhere.
    if (word.size == 0) return result;
    visited.insert(address);
    result.links.push_back({.address = address, .value = word.value});
    const auto map = world.map_at(address);
    if (map && may_have_symbols(*map)) result.links.back().symbol = world.symbol_at(address);
    if (map && map->executable) {
      result.end = TelescopeEnd::code;
      return result;
    }
    if (word.size < world.pointer_size || !world.map_at(word.value)) {
      result.links.back().string = text_at(address, world, options);
      if (result.links.back().string) result.end = TelescopeEnd::string;
      return result;
    }
    if (visited.contains(word.value)) {
      result.end = TelescopeEnd::loop;
      return result;
    }
    if (result.links.size() >= options.max_depth) {
      result.end = TelescopeEnd::depth;
      return result;
    }
    address = word.value;
  }
}

}  // namespace trapline::core
