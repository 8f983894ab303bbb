#include "inspect_json.hpp"

#include <fmt/format.h>

namespace cli {
namespace {

/// A name, and beside it what a C++ compiler made it of.
void add_name(Json& into, const char* key, const std::string& name) {
  into[key] = name;
  const trapline::Symbol symbol{.name = name, .module = {}};
  if (std::string plain = symbol.demangled(); plain != name) into["demangled"] = std::move(plain);
}

void add_place(Json& into, const trapline::Place& place) {
  if (place.symbol.empty()) return;
  add_name(into, "symbol", place.symbol);
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

std::string_view name_of(trapline::TelescopeEnd end) {
  switch (end) {
    case trapline::TelescopeEnd::value: return "value";
    case trapline::TelescopeEnd::string: return "text";
    case trapline::TelescopeEnd::code: return "code";
    case trapline::TelescopeEnd::loop: return "loop";
    case trapline::TelescopeEnd::depth: return "depth";
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
  if (!frame.function.empty()) add_name(json, "function", frame.function);
  if (!frame.function.empty() || !frame.module.empty()) json["offset"] = frame.offset;
  if (!frame.module.empty()) json["module"] = frame.module;
  if (frame.signal_frame) json["signal_frame"] = true;
  if (frame.source) json["source"] = to_json(*frame.source);
  for (const trapline::InlinedCall& call : frame.inlined) {
    Json one = Json::object();
    if (!call.function.empty()) add_name(one, "function", call.function);
    one["call"] = to_json(call.call);
    json["inlined"].push_back(std::move(one));
  }
  return json;
}

Json to_json(const trapline::SourceLine& line) {
  Json json{{"file", line.file}, {"line", line.line}};
  if (line.column != 0) json["column"] = line.column;
  return json;
}

Json to_json(const trapline::Telescope& telescope) {
  Json json = Json::object();
  Json links = Json::array();
  for (const trapline::TelescopeLink& link : telescope.links) {
    Json one{{"address", hex(link.address)}, {"value", hex(link.value)}};
    if (link.symbol) {
      add_name(one, "symbol", link.symbol->name);
      one["offset"] = link.address - link.symbol->address;
    }
    if (link.string) one["text"] = *link.string;
    if (links.empty()) json = one;
    links.push_back(std::move(one));
  }
  json["links"] = std::move(links);
  json["end"] = std::string(name_of(telescope.end));
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
  Json json = Json::object();
  add_name(json, "name", symbol.name);
  json.update(Json{{"address", hex(symbol.address)}, {"size", symbol.size}, {"module", symbol.module}});
  if (!symbol.version.empty()) json["version"] = symbol.version;
  return json;
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

Json to_json(const trapline::ElfFile& file) {
  const trapline::ElfMitigations& facts = file.mitigations();
  Json json{{"path", file.path()}};
  if (const auto base = file.base()) json["base"] = hex(*base);
  json["machine"] = std::string(trapline::elf_machine_name(file.machine()));
  json["type"] = std::string(to_string(file.type()));
  if (const std::string id = file.build_id(); !id.empty()) json["build_id"] = id;
  json["pie"] = facts.pie;
  if (facts.nx) json["nx"] = *facts.nx;
  json["relro"] = std::string(to_string(facts.relro));
  json["canary"] = facts.canary;
  json["fortified"] = facts.fortified;
  json["unfortified"] = facts.unfortified;
  const std::pair<const char*, bool> switches[] = {{"ibt", facts.ibt},
                                                   {"shstk", facts.shstk},
                                                   {"bti", facts.bti},
                                                   {"pac", facts.pac},
                                                   {"gcs", facts.gcs},
                                                   {"asan", facts.asan},
                                                   {"ubsan", facts.ubsan},
                                                   {"msan", facts.msan},
                                                   {"tsan", facts.tsan},
                                                   {"stripped", facts.stripped},
                                                   {"debug_info", facts.debug_info},
                                                   {"writable_code", facts.writable_code},
                                                   {"text_relocations", facts.text_relocations}};
  for (const auto& [name, value] : switches) json[name] = value;
  json["rpath"] = facts.rpath;
  json["runpath"] = facts.runpath;
  return json;
}

}  // namespace cli
