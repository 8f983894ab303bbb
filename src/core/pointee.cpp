#include "core/pointee.hpp"

#include <array>
#include <cstring>

#include "arch/arch.hpp"
#include "core/memory_text.hpp"
#include "core/process.hpp"

namespace trapline::core {

std::optional<Pointee> pointee_at(Process& process, Places& places, Address address) {
  const MemoryMap* map = places.maps().at(address);
  if (map == nullptr) return std::nullopt;
  Pointee found{.place = places.place(address),
                .map = map->path,
                .readable = map->readable,
                .writable = map->writable,
                .executable = map->executable};
  constexpr TextBounds text;
  std::array<std::byte, text.max + more_than_text> bytes;
  const std::size_t count = process.memory().read(address, bytes);
  const std::size_t word = arch::info(process.arch()).word_size;
  if (count >= word) {
    found.word = 0;
    std::memcpy(&*found.word, bytes.data(), word);
  }
  if (!map->executable) found.text = text_in(std::span(bytes).first(count), text).value_or("");
  return found;
}

}  // namespace trapline::core
