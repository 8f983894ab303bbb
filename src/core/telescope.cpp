#include "core/telescope.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>

#include "core/memory_text.hpp"

namespace trapline::core {
namespace {

std::optional<std::string> text_behind(Address address, const PointerWorld& world, const TelescopeOptions& options) {
  Bytes bytes(options.max_string + more_than_text);
  bytes.resize(world.read(address, bytes));
  return text_in(bytes, {.min = options.min_string, .max = options.max_string});
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
      result.links.back().string = text_behind(address, world, options);
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
