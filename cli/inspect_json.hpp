#pragma once

#include <nlohmann/json.hpp>
#include <trapline/trapline.hpp>

namespace cli {

using Json = nlohmann::ordered_json;

// The shape of docs/inspect.md: addresses and words are strings of hexadecimal digits, because many readers of JSON
// keep numbers in doubles; what is unknown is left out.

[[nodiscard]] std::string hex(std::uint64_t value);
/// Two digits a byte, the lowest address first.
[[nodiscard]] std::string hex_bytes(trapline::ByteView bytes);
[[nodiscard]] Json to_json(const trapline::Place& place);
[[nodiscard]] Json to_json(const trapline::Pointee& pointee);
[[nodiscard]] Json to_json(const trapline::MemoryMap& map);
[[nodiscard]] Json to_json(const trapline::Frame& frame);
[[nodiscard]] Json to_json(const trapline::SourceLine& line);
[[nodiscard]] Json to_json(const trapline::Telescope& telescope);
[[nodiscard]] Json to_json(const trapline::Instruction& instruction);
[[nodiscard]] Json to_json(const trapline::MemoryWord& word);
[[nodiscard]] Json to_json(const trapline::MemoryBlock& block);
[[nodiscard]] Json to_json(const trapline::Symbol& symbol);
[[nodiscard]] Json to_json(const trapline::RegisterValues& values);
[[nodiscard]] Json to_json(const trapline::ElfFile& file);

template <class List>
[[nodiscard]] Json to_array(const List& list) {
  Json array = Json::array();
  for (const auto& item : list) array.push_back(to_json(item));
  return array;
}

}  // namespace cli
