#include "core/pointee.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "arch/arch.hpp"
#include "core/process.hpp"
#include "support/bytes.hpp"

namespace trapline::core {
namespace {

constexpr std::size_t longest_text = 64;
constexpr std::size_t shortest_text = 4;

bool printable(char c) { return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n' || c == '\r'; }

std::string text_in(std::string_view bytes) {
  const auto end = std::ranges::find_if_not(bytes, printable);
  const std::string_view text = bytes.substr(0, static_cast<std::size_t>(end - bytes.begin()));
  // Text that is no string of C's, such as that of other languages, has no NUL.
  const bool ends = text.size() == longest_text || (end != bytes.end() && *end == '\0');
  return ends && text.size() >= shortest_text ? std::string(text) : std::string();
}

}  // namespace

std::optional<Pointee> pointee_at(Process& process, Places& places, Address address) {
  const MemoryMap* map = places.maps().at(address);
  if (map == nullptr) return std::nullopt;
  Pointee found{.place = places.place(address),
                .map = map->path,
                .readable = map->readable,
                .writable = map->writable,
                .executable = map->executable};
  std::array<std::byte, longest_text> bytes;
  const std::size_t count = process.memory().read(address, bytes);
  const std::size_t word = arch::info(process.arch()).word_size;
  if (count >= word) {
    found.word = 0;
    std::memcpy(&*found.word, bytes.data(), word);
  }
  if (!map->executable) found.text = text_in(support::as_text(std::span(bytes).first(count)));
  return found;
}

}  // namespace trapline::core
