#include "inspect_json.hpp"

#include <fmt/format.h>

namespace cli {
namespace {

void add_place(Json& into, const trapline::Place& place) {
  if (place.symbol.empty()) return;
  into["symbol"] = place.symbol;
  into["offset"] = place.offset;
}

std::string_view name_of(trapline::RegisterRole role) {
  switch (role) {
    case trapline::RegisterRole::general: return "general";
    case trapline::RegisterRole::flags: return "flags";
    case trapline::RegisterRole::segment: return "segment";
    case trapline::RegisterRole::vector: return "vector";
  }
  return "unknown";
}

/// As a number: the highest byte first.
std::string hex_value(const trapline::Bytes& bytes) {
  std::string digits;
  for (const std::byte byte : bytes) digits = fmt::format("{:02x}", static_cast<unsigned>(byte)) + digits;
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  return "0x" + digits;
}

}  // namespace

std::string hex(std::uint64_t value) { return fmt::format("{:#x}", value); }

std::string hex_bytes(trapline::ByteView bytes) {
  std::string digits;
  for (const std::byte byte : bytes) digits += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return digits;
}

Json to_json(const trapline::Place& place) {
  Json json{{"address", hex(place.address)}};
  add_place(json, place);
  return json;
}

Json to_json(const trapline::Pointee& pointee) {
  Json json = Json::object();
  add_place(json, pointee.place);
  if (!pointee.map.empty()) json["map"] = pointee.map;
  json["permissions"] =
      fmt::format("{}{}{}", pointee.readable ? 'r' : '-', pointee.writable ? 'w' : '-', pointee.executable ? 'x' : '-');
  if (!pointee.text.empty()) json["text"] = pointee.text;
  if (pointee.word) json["word"] = hex(*pointee.word);
  return json;
}

Json to_json(const trapline::MemoryMap& map) {
  Json json{{"start", hex(map.start)},
            {"end", hex(map.end)},
            {"permissions", map.permissions()},
            {"offset", hex(map.offset)},
            {"inode", map.inode}};
  if (!map.path.empty()) json["path"] = map.path;
  return json;
}

Json to_json(const trapline::Frame& frame) {
  Json json{{"pc", hex(frame.pc)}};
  if (frame.cfa != 0) json["cfa"] = hex(frame.cfa);
  if (!frame.function.empty()) json["function"] = frame.function;
  if (!frame.function.empty() || !frame.module.empty()) json["offset"] = frame.offset;
  if (!frame.module.empty()) json["module"] = frame.module;
  if (frame.signal_frame) json["signal_frame"] = true;
  return json;
}

Json to_json(const trapline::Instruction& instruction) {
  Json json = to_json(instruction.place);
  json["bytes"] = hex_bytes(instruction.bytes);
  json["mnemonic"] = instruction.mnemonic;
  json["operands"] = instruction.operands;
  json["kind"] = std::string(to_string(instruction.kind));
  if (instruction.target) json["target"] = to_json(*instruction.target);
  if (instruction.data) json["data"] = to_json(*instruction.data);
  if (instruction.current) json["current"] = true;
  return json;
}

Json to_json(const trapline::MemoryWord& word) {
  Json json = to_json(word.place);
  json["value"] = hex(word.value);
  if (word.pointee) json["pointee"] = to_json(*word.pointee);
  return json;
}

Json to_json(const trapline::MemoryBlock& block) {
  Json json = to_json(block.start);
  json["size"] = block.bytes.size();
  json["bytes"] = hex_bytes(block.bytes);
  return json;
}

Json to_json(const trapline::Symbol& symbol) {
  return {{"name", symbol.name}, {"address", hex(symbol.address)}, {"size", symbol.size}, {"module", symbol.module}};
}

Json to_json(const trapline::RegisterValues& values) {
  Json json = Json::object();
  for (const trapline::RegisterValue& value : values.list) {
    Json one{{"value", hex_value(value.bytes)}, {"role", std::string(name_of(value.role))}};
    if (value.pointee) one["pointee"] = to_json(*value.pointee);
    json[std::string(value.name)] = std::move(one);
  }
  return json;
}

}  // namespace cli
