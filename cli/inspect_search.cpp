#include "inspect_search.hpp"

#include <algorithm>
#include <ostream>
#include <span>

#include "inspect_each.hpp"
#include "inspect_json.hpp"
#include "inspect_view.hpp"

namespace cli {
namespace {

using trapline::Address;
using trapline::Area;
using trapline::Pattern;
using trapline::UsageError;

/// `u32:0xdeadbeef`, `i16:-1`, `u64be:1`: nothing when the text is none of that kind.
std::optional<Pattern> integer_pattern(std::string_view kind, std::string_view digits, const std::string& whole) {
  if (kind.empty() || (kind.front() != 'u' && kind.front() != 'i')) return std::nullopt;
  const bool big = kind.ends_with("be");
  const auto order = big ? std::endian::big : std::endian::little;
  for (const std::size_t size : {1U, 2U, 4U, 8U}) {
    if (kind != fmt::format("{}{}{}", kind.front(), 8 * size, big ? "be" : "")) continue;
    if (kind.front() == 'i' && digits.starts_with('-')) {
      const std::uint64_t magnitude = parse_unsigned(digits.substr(1), whole);
      if (magnitude > std::uint64_t{1} << 63U) throw UsageError(fmt::format("\"{}\": the number is too wide", whole));
      return Pattern::integer(static_cast<std::int64_t>(-magnitude), size, order);
    }
    const std::uint64_t value = parse_unsigned(digits, whole);
    if (kind.front() == 'i' && value >> (8 * size - 1) != 0) {
      throw UsageError(fmt::format("\"{}\": the number is too wide", whole));
    }
    return Pattern::integer(value, size, order);
  }
  return std::nullopt;
}

/// What --find is given: `hex:`, `u8:` to `u64:`, `/regex/` or text, which `text:` may stand in front of.
Pattern pattern_of(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string_view kind = std::string_view(text).substr(0, colon == std::string::npos ? 0 : colon);
  const std::string_view rest = std::string_view(text).substr(colon == std::string::npos ? 0 : colon + 1);
  if (kind == "hex") return Pattern::hex(rest);
  if (auto integer = integer_pattern(kind, rest, text)) return *integer;
  const std::size_t slash = text.rfind('/');
  if (text.starts_with('/') && slash > 1 && (slash + 1 == text.size() || text.substr(slash) == "/i")) {
    return Pattern::regex(std::string_view(text).substr(1, slash - 1), {.ignore_case = slash + 1 != text.size()});
  }
  const std::string_view plain = kind == "text" ? rest : std::string_view(text);
  if (plain.empty()) throw UsageError("--find wants something to look for");
  return Pattern::text(plain);
}

struct Hit {
  trapline::Match match;
  const trapline::MemoryMap* map = nullptr;
  /// The first of them.
  trapline::Bytes bytes;
};

/// The finds of one pattern, as far as they are shown.
struct Hits {
  trapline::MemoryMaps maps;
  std::vector<Hit> list;
  bool more = false;
};

Hits hits_of(const View& view, const std::string& text) {
  const trapline::Memory memory = view.process.memory();
  Hits hits{view.process.maps(), {}};
  trapline::Search search =
      memory.search(pattern_of(text), {.in = view.wanted.area, .permissions = view.wanted.permissions});
  while (const auto match = search.next()) {
    if (hits.list.size() == view.wanted.limit) {
      hits.more = true;
      break;
    }
    constexpr std::size_t shown = 32;
    trapline::Bytes bytes(shown);
    bytes.resize(memory.read_some(match->address, bytes));
    hits.list.push_back({*match, hits.maps.at(match->address), std::move(bytes)});
  }
  if (hits.list.empty()) {
    const std::string& area = view.wanted.area;
    throw NotThere(fmt::format("{} is nowhere in its {}", in_quotes(text), area.empty() ? "memory" : area));
  }
  return hits;
}

std::string printable(const trapline::Bytes& bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    const char c = static_cast<char>(byte);
    text += c >= 0x20 && c < 0x7f ? c : '.';
  }
  return text;
}

std::string name_of(const trapline::MemoryMap* map) {
  return map == nullptr || map->path.empty() ? "anonymous" : in_quotes(map->path);
}

void say_more(std::ostream& out, std::size_t limit) {
  out << fmt::format("  and more; --limit {} shows some of them\n", limit * 10);
}

/// What is meant by an address, a range, a mapping's name, or a symbol.
Area area_of(const View& view, const std::string& text) {
  if (text.empty() || text == "all" || text == "*") return std::string("all");
  if (text.starts_with("0x")) {
    const std::size_t dash = text.find('-');
    const Address begin = parse_unsigned(std::string_view(text).substr(0, dash), text);
    if (dash == std::string::npos) return {begin, begin + 1};
    return {begin, parse_unsigned(std::string_view(text).substr(dash + 1), text)};
  }
  if (!view.process.maps().filter(text).empty()) return text;
  const auto symbols = view.process.symbols().find(text);
  if (symbols.empty()) {
    throw NotThere(
        fmt::format("{} is neither a mapping (such as stack, heap, libc, all), nor a symbol, nor a range 0x...-0x...",
                    in_quotes(text)));
  }
  const auto& symbol = symbols.front();
  return {symbol.address, symbol.address + std::max<std::uint64_t>(symbol.size, 1)};
}

std::vector<trapline::FoundPointer> pointers_of(const View& view, const std::pair<std::string, std::string>& ends) {
  auto found = view.process.memory().find_pointers(area_of(view, ends.first), area_of(view, ends.second));
  if (found.empty()) {
    throw NotThere(fmt::format("nothing in {} points into {}", in_quotes(ends.first), in_quotes(ends.second)));
  }
  return found;
}

trapline::Telescope chain_from(const View& view, const std::string& location) {
  return view.process.memory().telescope(trapline::Location(location));
}

Json place_data(const trapline::Symbols& symbols, const trapline::MemoryMaps& maps, Address address) {
  Json json{{"address", hex(address)}};
  if (const auto symbol = symbols.at(address)) {
    json["symbol"] = symbol->name;
    json["offset"] = address - symbol->address;
  }
  if (const auto* map = maps.at(address); map != nullptr && !map->path.empty()) json["map"] = map->path;
  return json;
}

}  // namespace

void show_chains(const View& view, std::ostream& out) {
  const trapline::MemoryMaps maps = view.process.maps();
  each(view.wanted.chains, [&](const std::string& location) {
    trapline::print_telescope(out, chain_from(view, location), {.color = view.color, .maps = &maps});
  });
}

void show_found(const View& view, std::ostream& out) {
  each(view.wanted.patterns, [&](const std::string& text) {
    const Hits hits = hits_of(view, text);
    out << in_quotes(text) << '\n';
    for (const Hit& hit : hits.list) {
      const std::string place = place_text(hit.match.address, view.process.symbols().at(hit.match.address));
      out << fmt::format("  {}  |{:32}|  {}\n", place, printable(hit.bytes), name_of(hit.map));
    }
    if (hits.more) say_more(out, view.wanted.limit);
  });
}

void show_pointers(const View& view, std::ostream& out) {
  const trapline::Symbols symbols = view.process.symbols();
  const trapline::MemoryMaps maps = view.process.maps();
  each(view.wanted.pointers, [&](const std::pair<std::string, std::string>& ends) {
    const auto found = pointers_of(view, ends);
    out << fmt::format("{} -> {}: {}\n", in_quotes(ends.first), in_quotes(ends.second), found.size());
    for (const auto& pointer : std::span(found).first(std::min(found.size(), view.wanted.limit))) {
      out << fmt::format("  {}  {} -> {}\n", name_of(maps.at(pointer.address)),
                         place_text(pointer.address, symbols.at(pointer.address)),
                         place_text(pointer.target, symbols.at(pointer.target)));
    }
    if (found.size() > view.wanted.limit) say_more(out, view.wanted.limit);
  });
}

Json chains_data(const View& view) {
  return entries("location", view.wanted.chains,
                 [&](Json& one, const std::string& location) { one.update(to_json(chain_from(view, location))); });
}

Json found_data(const View& view) {
  return entries("pattern", view.wanted.patterns, [&](Json& one, const std::string& text) {
    const Hits hits = hits_of(view, text);
    Json list = Json::array();
    for (const Hit& hit : hits.list) {
      Json json = place_data(view.process.symbols(), hits.maps, hit.match.address);
      json["size"] = hit.match.size;
      json["bytes"] = hex_bytes(hit.bytes);
      list.push_back(std::move(json));
    }
    one["hits"] = std::move(list);
    if (hits.more) one["more"] = true;
  });
}

Json pointers_data(const View& view) {
  const trapline::Symbols symbols = view.process.symbols();
  const trapline::MemoryMaps maps = view.process.maps();
  using Ends = std::pair<std::string, std::string>;
  const auto begin = [](const Ends& ends) { return Json{{"where", ends.first}, {"target", ends.second}}; };
  return entries(view.wanted.pointers, begin, [&](Json& one, const Ends& ends) {
    const auto found = pointers_of(view, ends);
    Json list = Json::array();
    for (const auto& pointer : std::span(found).first(std::min(found.size(), view.wanted.limit))) {
      Json json = place_data(symbols, maps, pointer.address);
      json["target"] = place_data(symbols, maps, pointer.target);
      list.push_back(std::move(json));
    }
    one["count"] = found.size();
    one["found"] = std::move(list);
  });
}

void check_patterns(const Wanted& wanted) {
  for (const std::string& text : wanted.patterns) static_cast<void>(pattern_of(text));
  if (!wanted.permissions.empty()) static_cast<void>(trapline::MemoryMap{}.permits(wanted.permissions));
}

}  // namespace cli
