#include "inspect_lookups.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ostream>
#include <span>

#include <fmt/format.h>
#include <trapline/error.hpp>

#include "inspect_json.hpp"
#include "inspect_view.hpp"

namespace cli {
namespace {

using trapline::Bytes;
using trapline::MemoryBlock;
using trapline::UsageError;

std::uint64_t parse_unsigned(std::string_view text, std::string_view whole) {
  const bool is_hex = text.starts_with("0x");
  const std::string_view digits = is_hex ? text.substr(2) : text;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) {
    throw UsageError(fmt::format("\"{}\" in \"{}\" is no number", text, whole));
  }
  return value;
}

Bytes bytes_of_digits(std::string_view digits, std::string_view whole) {
  Bytes bytes;
  const bool all = digits.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  if (digits.empty() || digits.size() % 2 != 0 || !all) {
    throw UsageError(fmt::format("\"{}\" is not hex: and pairs of hexadecimal digits", whole));
  }
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    unsigned value = 0;
    std::from_chars(digits.data() + i, digits.data() + i + 2, value, 16);
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

/// What --find is given: `hex:`, `u8:` to `u64:`, or text, which `text:` may stand in front of.
Bytes pattern_of(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string kind = colon == std::string::npos ? "" : text.substr(0, colon);
  const std::string_view rest = std::string_view(text).substr(colon == std::string::npos ? 0 : colon + 1);
  if (kind == "hex") return bytes_of_digits(rest, text);
  for (const std::size_t size : {1U, 2U, 4U, 8U}) {
    if (kind != fmt::format("u{}", 8 * size)) continue;
    const std::uint64_t value = parse_unsigned(rest, text);
    if (size < sizeof value && value >> (8 * size) != 0) {
      throw UsageError(fmt::format("\"{}\": the number is too wide", text));
    }
    Bytes bytes(size);
    std::memcpy(bytes.data(), &value, size);
    return bytes;
  }
  const std::string_view plain = kind == "text" ? rest : std::string_view(text);
  if (plain.empty()) throw UsageError("--find wants something to look for");
  const auto view = std::as_bytes(std::span(plain));
  return {view.begin(), view.end()};
}

struct Piece {
  std::string location;
  std::size_t size = 64;
};

Piece piece_of(const std::string& text) {
  const std::size_t comma = text.rfind(',');
  if (comma == std::string::npos) return {text};
  return {text.substr(0, comma), parse_unsigned(std::string_view(text).substr(comma + 1), text)};
}

/// Goes through what was asked for, and tells at the end what of it was not there.
template <class F>
void each(const std::vector<std::string>& items, F&& function) {
  std::string missing;
  for (const std::string& item : items) {
    try {
      function(item);
    } catch (const trapline::SymbolError& error) {
      missing += (missing.empty() ? "" : "\n") + std::string(error.what());
    } catch (const NotThere& error) {
      missing += (missing.empty() ? "" : "\n") + std::string(error.what());
    }
  }
  if (!missing.empty()) throw NotThere(missing);
}

/// Likewise; what is not there says so itself.
template <class F>
Json entries(const char* key, const std::vector<std::string>& items, F&& function) {
  Json list = Json::array();
  for (const std::string& item : items) {
    Json one{{key, item}};
    try {
      function(one, item);
    } catch (const trapline::SymbolError& error) {
      one["error"] = error.what();
    } catch (const NotThere& error) {
      one["error"] = error.what();
    }
    list.push_back(std::move(one));
  }
  return list;
}

std::string in_quotes(std::string_view text) {
  std::string out;
  trapline::append_quoted(out, text);
  return out;
}

std::vector<trapline::Symbol> symbols_named(const View& view, const std::string& name) {
  auto found = view.process.symbols().find(name);
  // The error of a location names near ones.
  if (found.empty()) static_cast<void>(view.process.symbols().resolve(name));
  if (found.empty()) throw NotThere("no symbol is called " + in_quotes(name));
  return found;
}

/// One word, whose pointee tells about the address.
trapline::MemoryWord word_at(const View& view, const std::string& location) {
  const auto words = trapline::read_words(view.process, location, 1);
  if (words.empty()) throw NotThere(fmt::format("{}: nothing can be read there", location));
  return words.front();
}

std::vector<trapline::Instruction> function_at(const View& view, const std::string& location) {
  return view.process.disassemble_function(location, {.syntax = view.wanted.syntax});
}

MemoryBlock block_at(const View& view, const std::string& text) {
  const Piece piece = piece_of(text);
  MemoryBlock block = trapline::read_block(view.process, piece.location, piece.size);
  if (block.bytes.empty() && piece.size != 0) {
    throw NotThere(fmt::format("{}: nothing can be read there", piece.location));
  }
  return block;
}

struct Hit {
  trapline::Address address;
  std::string map;
  Bytes bytes;
};

std::vector<Hit> hits_of(const View& view, const std::string& text) {
  const trapline::MemoryMaps maps = view.process.maps();
  std::vector<Hit> hits;
  // One more, to tell that there are more.
  for (const trapline::Address address :
       view.process.memory().find(pattern_of(text), {.limit = view.wanted.limit + 1})) {
    const trapline::MemoryMap* map = maps.at(address);
    Bytes bytes(32);
    bytes.resize(view.process.memory().read_some(address, bytes));
    hits.push_back({address, map != nullptr ? map->path : "", std::move(bytes)});
  }
  if (hits.empty()) throw NotThere(fmt::format("{} is nowhere in its memory", in_quotes(text)));
  return hits;
}

std::string printable(const Bytes& bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    const char c = static_cast<char>(byte);
    text += c >= 0x20 && c < 0x7f ? c : '.';
  }
  return text;
}

}  // namespace

void show_symbols(const View& view, std::ostream& out) {
  each(view.wanted.symbols, [&](const std::string& name) {
    for (const trapline::Symbol& symbol : symbols_named(view, name)) {
      std::string line = fmt::format("{:#x} {} {} bytes in ", symbol.address, name, symbol.size);
      out << line << in_quotes(symbol.module) << '\n';
    }
  });
}

void show_addresses(const View& view, std::ostream& out) {
  each(view.wanted.addresses, [&](const std::string& location) {
    const trapline::MemoryWord word = word_at(view, location);
    const trapline::MemoryMaps maps = view.process.maps();
    trapline::print_words(out, {word}, {.color = view.color});
    trapline::print_maps(out, maps.filter(word.place.address), {.color = view.color});
  });
}

void show_functions(const View& view, std::ostream& out) {
  each(view.wanted.functions, [&](const std::string& location) {
    trapline::print_disassembly(out, function_at(view, location), {.color = view.color, .bytes = view.wanted.bytes});
  });
}

void show_memory(const View& view, std::ostream& out) {
  each(view.wanted.memory, [&](const std::string& piece) {
    trapline::print_memory(out, block_at(view, piece), {.color = view.color, .word_size = view.wanted.word_size});
  });
}

void show_found(const View& view, std::ostream& out) {
  each(view.wanted.patterns, [&](const std::string& text) {
    const std::vector<Hit> hits = hits_of(view, text);
    out << in_quotes(text) << '\n';
    for (std::size_t i = 0; i < hits.size(); ++i) {
      if (i == view.wanted.limit) {
        out << fmt::format("  and more; --limit {} shows some of them\n", view.wanted.limit * 10);
        break;
      }
      const Hit& hit = hits[i];
      out << fmt::format("  {:#x}  |{:32}|  ", hit.address, printable(hit.bytes))
          << (hit.map.empty() ? "anonymous" : in_quotes(hit.map)) << '\n';
    }
  });
}

Json symbols_data(const View& view) {
  return entries("name", view.wanted.symbols,
                 [&](Json& one, const std::string& name) { one["found"] = to_array(symbols_named(view, name)); });
}

Json addresses_data(const View& view) {
  return entries("location", view.wanted.addresses, [&](Json& one, const std::string& location) {
    const trapline::MemoryWord word = word_at(view, location);
    one.update(to_json(word));
    const trapline::MemoryMaps maps = view.process.maps();
    if (const auto* map = maps.at(word.place.address)) one["map"] = to_json(*map);
  });
}

Json functions_data(const View& view) {
  return entries("location", view.wanted.functions, [&](Json& one, const std::string& location) {
    one["instructions"] = to_array(function_at(view, location));
  });
}

Json memory_data(const View& view) {
  return entries("location", view.wanted.memory,
                 [&](Json& one, const std::string& piece) { one.update(to_json(block_at(view, piece))); });
}

Json found_data(const View& view) {
  return entries("pattern", view.wanted.patterns, [&](Json& one, const std::string& text) {
    const std::vector<Hit> hits = hits_of(view, text);
    Json list = Json::array();
    for (const Hit& hit : std::span(hits).first(std::min(hits.size(), view.wanted.limit))) {
      list.push_back(hex(hit.address));
    }
    one["hits"] = std::move(list);
    if (hits.size() > view.wanted.limit) one["more"] = true;
  });
}

void check_lookups(const Wanted& wanted) {
  for (const std::string& text : wanted.patterns) static_cast<void>(pattern_of(text));
  for (const std::string& text : wanted.memory) static_cast<void>(piece_of(text));
}

}  // namespace cli
