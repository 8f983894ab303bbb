#include "inspect_lookups.hpp"

#include <algorithm>
#include <charconv>
#include <ostream>

#include "inspect_each.hpp"
#include "inspect_json.hpp"
#include "inspect_view.hpp"

namespace cli {
namespace {

using trapline::MemoryBlock;
using trapline::Symbol;

struct Piece {
  std::string location;
  std::size_t size = 64;
};

Piece piece_of(const std::string& text) {
  const std::size_t comma = text.rfind(',');
  if (comma == std::string::npos) return {text};
  return {text.substr(0, comma), parse_unsigned(std::string_view(text).substr(comma + 1), text)};
}

/// Symbols, and whether there are more.
struct Symbols {
  std::vector<Symbol> list;
  bool more = false;
};

/// `file.c:42` as a file and a line; nothing for what is none.
std::optional<std::pair<std::string, unsigned>> source_place(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  // Of C++ names, too, the last colon has a second one before it.
  if (colon == std::string::npos || colon == 0 || text[colon - 1] == ':') return std::nullopt;
  unsigned line = 0;
  const auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), line);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return std::pair(text.substr(0, colon), line);
}

bool is_pattern(const std::string& name) {
  return (name.size() > 2 && name.starts_with('/') && name.ends_with('/')) ||
         name.find_first_of("*?[") != std::string::npos;
}

Symbols symbols_named(const View& view, const std::string& name) {
  const trapline::Symbols symbols = view.process.symbols();
  // A C++ name may look like a pattern: operator*, f(char*).
  Symbols found{symbols.find(name)};
  if (!found.list.empty()) return found;
  if (is_pattern(name)) {
    // One more, to tell that there are more.
    found.list = symbols.match(name, {.limit = view.wanted.limit + 1});
    if (found.list.empty()) throw NotThere("no symbol fits " + in_quotes(name));
    found.more = found.list.size() > view.wanted.limit;
    if (found.more) found.list.pop_back();
    return found;
  }
  // The error of a location names near ones.
  static_cast<void>(symbols.resolve(name));
  throw NotThere("no symbol is called " + in_quotes(name));
}

/// The places where a line of the source begins.
std::vector<trapline::Address> addresses_of(const View& view, const std::string& name) {
  const auto place = source_place(name);
  if (!place) return {};
  auto addresses = view.process.symbols().addresses_of(place->first, place->second);
  if (addresses.empty()) {
    throw NotThere(fmt::format("{}: no module has line numbers of such a file; is it built with -g?", in_quotes(name)));
  }
  return addresses;
}

/// Of a frame only what tells where in the source it is.
trapline::Frame source_frame(const View& view, trapline::Address address) {
  const trapline::Symbols symbols = view.process.symbols();
  trapline::Frame frame{.pc = address, .source = symbols.line_at(address), .inlined = symbols.inlined_at(address)};
  if (const auto symbol = symbols.at(address)) {
    frame.function = symbol->name;
    frame.offset = address - symbol->address;
    frame.module = symbol->module;
  }
  return frame;
}

trapline::Frame source_frame(const View& view, const std::string& location) {
  const trapline::Address address = view.process.symbols().resolve(location);
  trapline::Frame frame = source_frame(view, address);
  if (!frame.source) {
    throw NotThere(fmt::format("{}: no line is known there; {}", location,
                               frame.module.empty() ? "no code of a file is there"
                                                    : frame.module + " has no line numbers, nor has a debug file"));
  }
  return frame;
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

}  // namespace

void show_symbols(const View& view, std::ostream& out) {
  each(view.wanted.symbols, [&](const std::string& name) {
    for (const trapline::Address address : addresses_of(view, name)) {
      trapline::print_backtrace(out, {source_frame(view, address)}, {.color = view.color});
    }
    if (source_place(name)) return;
    const Symbols found = symbols_named(view, name);
    for (const Symbol& symbol : found.list) {
      const std::string quoted = in_quotes(symbol.demangled());
      const std::string version = symbol.version.empty() ? "" : "@" + symbol.version;
      out << fmt::format("{:#x} {}{} {} bytes in ", symbol.address, quoted.substr(1, quoted.size() - 2), version,
                         symbol.size)
          << in_quotes(symbol.module) << '\n';
    }
    if (found.more) out << fmt::format("and more; --limit {} shows some of them\n", view.wanted.limit * 10);
  });
}

void show_code_lines(const View& view, std::ostream& out) {
  each(view.wanted.code_lines, [&](const std::string& location) {
    trapline::print_backtrace(out, {source_frame(view, location)}, {.color = view.color});
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

Json symbols_data(const View& view) {
  return entries("name", view.wanted.symbols, [&](Json& one, const std::string& name) {
    if (source_place(name)) {
      Json list = Json::array();
      for (const trapline::Address address : addresses_of(view, name))
        list.push_back(to_json(source_frame(view, address)));
      one["lines"] = std::move(list);
      return;
    }
    const Symbols found = symbols_named(view, name);
    one["found"] = to_array(found.list);
    if (found.more) one["more"] = true;
  });
}

Json code_lines_data(const View& view) {
  return entries("location", view.wanted.code_lines,
                 [&](Json& one, const std::string& location) { one.update(to_json(source_frame(view, location))); });
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

void check_lookups(const Wanted& wanted) {
  for (const std::string& text : wanted.memory) static_cast<void>(piece_of(text));
}

}  // namespace cli
