#include "core/location.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <span>

#include <trapline/error.hpp>

#include "core/source_lines.hpp"
#include "support/text.hpp"

namespace trapline::core {
namespace {

using Entry = symbols::SymbolTable::Entry;
using Kind = Modules::Kind;

constexpr std::array kinds{Kind::program, Kind::library, Kind::vdso};

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// A whole text that is a number, decimal or with 0x.
std::optional<std::uint64_t> number_in(std::string_view text) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// How near a symbol is to what a user who gives nothing but its name means: the smallest wins.
int distance_of(const Entry& entry) {
  if (entry.binding == symbols::Binding::local) return 2;
  return entry.old_version ? 1 : 0;
}

Symbol symbol_of(const Entry& entry, const Module& module) {
  return {.name = std::string(entry.name),
          .address = entry.address + module.bias,
          .size = entry.size,
          .module = module.path,
          .version = std::string(entry.version)};
}

/// A symbol found in a module.
struct Hit {
  Entry entry;
  Module module;

  [[nodiscard]] Address address() const { return entry.address + module.bias; }
  [[nodiscard]] Symbol symbol() const { return symbol_of(entry, module); }
};

std::vector<Hit> find_in(const Modules& modules, const Modules::File& file, const symbols::SymbolQuery& query,
                         SymbolLevel level) {
  std::vector<Hit> hits;
  for (const Module& module : modules.load(file)) {
    for (const Entry& entry : module.table->find(query, level, module.options)) hits.push_back({entry, module});
  }
  return hits;
}

constexpr std::array levels_in_order{SymbolLevel::tables, SymbolLevel::dwarf, SymbolLevel::separate,
                                     SymbolLevel::debuginfod};

/// The levels that look at what is on this machine, as far as they are wanted.
std::span<const SymbolLevel> local_levels(SymbolLevel most) {
  return std::span(levels_in_order).first(static_cast<std::size_t>(std::min(most, SymbolLevel::separate)) + 1);
}

/// Leaves those that the dynamic linker would prefer: current versions before old ones, and both before what only the
/// file itself sees. Names of one address are one.
void keep_nearest(std::vector<Hit>& hits) {
  int nearest = 2;
  for (const Hit& hit : hits) nearest = std::min(nearest, distance_of(hit.entry));
  std::erase_if(hits, [&](const Hit& hit) { return distance_of(hit.entry) != nearest; });
  std::set<Address> seen;
  std::erase_if(hits, [&](const Hit& hit) { return !seen.insert(hit.address()).second; });
}

/// What a location asks for, in one process.
class Resolver {
 public:
  Resolver(const Location& location, const Modules& modules) : location_(location), modules_(modules) {}

  Address resolve() {
    if (!location_.module().empty()) narrow();
    if (const auto number = location_.address()) return resolve_number(*number);
    const std::string whole = location_.symbol();
    const std::string_view text = trimmed(whole);
    if (text.empty()) throw SymbolError("an empty location: give an address or the name of a symbol");
    if (const auto number = number_in(text)) return resolve_number(*number);
    if (const auto line = line_name_in(text)) return resolve_line(*line, modules_, files_to_search());
    // `name+offset`; but a name may have a plus itself, so the whole text comes first.
    std::string_view name = text;
    std::uint64_t offset = 0;
    if (const std::size_t plus = text.rfind('+'); plus != std::string_view::npos && plus > 0) {
      if (const auto number = number_in(trimmed(text.substr(plus + 1)))) {
        name = trimmed(text.substr(0, plus));
        offset = *number;
      }
    }
    // The program's own symbol wins, as for the dynamic linker. Libraries are equals: which one is meant must be said.
    // The vDSO has names of the C library's functions that nobody but that calls.
    const symbols::SymbolQuery whole_query(text);
    const symbols::SymbolQuery name_query(name);
    const auto resolve_at = [&](Kind kind, SymbolLevel level) -> std::optional<Address> {
      if (const auto found = resolve_name(whole_query, kind, level)) return *found;
      const auto found = name != text ? resolve_name(name_query, kind, level) : std::nullopt;
      return found ? std::optional(*found + offset) : std::nullopt;
    };
    for (const Kind kind : kinds) {
      for (const SymbolLevel level : local_levels(modules_.options().level)) {
        if (const auto found = resolve_at(kind, level)) return *found;
      }
    }
    // Servers come last: what a library exports needs none.
    for (const Kind kind : kinds) {
      if (modules_.options().level != SymbolLevel::debuginfod) break;
      if (const auto found = resolve_at(kind, SymbolLevel::debuginfod)) return *found;
    }
    throw_unknown(name);
  }

  std::vector<Address> resolve_all() {
    const std::string whole = location_.symbol();
    const auto line = line_name_in(trimmed(whole));
    if (!line) return {resolve()};
    if (!location_.module().empty()) narrow();
    return resolve_lines(*line, modules_, files_to_search());
  }

 private:
  /// Finds what `.in(...)` names.
  void narrow() {
    const std::string& name = location_.module();
    const MemoryMaps maps = modules_.maps().filter(name);
    if (maps.empty()) throw_no_module(name);
    std::vector<std::string> paths;
    for (const MemoryMap& map : maps) {
      if (std::ranges::find(paths, map.path) == paths.end()) paths.push_back(map.path);
    }
    for (const Modules::File& file : modules_.files()) {
      if (std::ranges::find(paths, file.path) != paths.end()) files_.push_back(&file);
    }
    if (files_.size() > 1 || (files_.empty() && paths.size() > 1)) {
      throw SymbolError(fmt::format("{} is ambiguous: several files are called \"{}\": {}; give more of the path",
                                    location_.text(), name, support::join(paths, ", ")));
    }
    narrowed_ = maps;
    // Offsets count from where it is loaded, not from where somebody maps the file to look at it.
    base_ = maps.front().start;
    if (!files_.empty()) {
      const auto loaded = modules_.load(*files_.front());
      if (!loaded.empty()) base_ = loaded.front().start;
    }
  }

  [[noreturn]] void throw_no_module(const std::string& name) const {
    std::vector<std::string> names;
    for (const Modules::File& file : modules_.files()) names.emplace_back(file_name(file.path));
    throw SymbolError(fmt::format("{}: nothing called \"{}\" is mapped; loaded are: {}", location_.text(), name,
                                  support::join(names, ", ")));
  }

  [[nodiscard]] Address resolve_number(Address number) const {
    if (narrowed_) return offset_in(*narrowed_, base_, number, location_.module());
    if (modules_.maps().at(number) != nullptr) return number;
    const MemoryMaps binary = modules_.maps().filter("binary");
    if (binary.empty()) throw SymbolError(fmt::format("{:#x} is not mapped", number));
    return offset_in(binary, binary.front().start, number, "binary");
  }

  /// An address relative to a module, which must be in it or in the anonymous memory behind it (.bss).
  [[nodiscard]] Address offset_in(const MemoryMaps& module, Address base, Address offset, std::string_view name) const {
    const Address address = base + offset;
    const MemoryMap* map = modules_.maps().at(address);
    if (map != nullptr && address >= base && (map->path.empty() || module.at(address) != nullptr)) return address;
    Address end = base;
    for (const MemoryMap& part : module) end = part.end;
    const char* absolute = modules_.maps().at(offset) == nullptr ? "not mapped" : "mapped, but was given as an offset";
    throw SymbolError(fmt::format("{:#x} is {}, and past the end as an offset in {} ({:#x}-{:#x}, {:#x} bytes)", offset,
                                  absolute, name, base, end, end - base));
  }

  /// Where a name is; nothing when it is unknown, SymbolError when several places have it.
  [[nodiscard]] std::optional<Address> resolve_name(const symbols::SymbolQuery& query, Kind kind,
                                                    SymbolLevel level) const {
    std::vector<Hit> hits;
    for (const Modules::File& file : modules_.files()) {
      if (file.kind != kind || (narrowed_ && !is_narrowed(file))) continue;
      std::ranges::move(find_in(modules_, file, query, level), std::back_inserter(hits));
    }
    if (hits.empty()) return std::nullopt;
    keep_nearest(hits);
    if (hits.size() > 1) throw_ambiguous(query.written(), hits);
    return hits.front().address();
  }

  [[nodiscard]] std::vector<const Modules::File*> files_to_search() const {
    if (narrowed_) return files_;
    std::vector<const Modules::File*> all;
    for (const Modules::File& file : modules_.files()) all.push_back(&file);
    return all;
  }

  [[nodiscard]] bool is_narrowed(const Modules::File& file) const {
    return std::ranges::find(files_, &file) != files_.end();
  }

  /// What tells a hit from the others: its C++ name, unless several have the same, as constructors do.
  [[nodiscard]] static std::string full_name(const Hit& hit, const std::vector<Hit>& hits) {
    std::string name = symbols::demangle(hit.entry.name);
    const auto same =
        std::ranges::count_if(hits, [&](const Hit& other) { return symbols::demangle(other.entry.name) == name; });
    return same == 1 ? name : std::string(hit.entry.name);
  }

  [[noreturn]] static void throw_ambiguous(std::string_view name, const std::vector<Hit>& hits) {
    constexpr std::size_t most = 8;
    std::vector<std::string> places;
    const bool one_name =
        std::ranges::all_of(hits, [&](const Hit& hit) { return hit.entry.name == hits.front().entry.name; });
    for (const Hit& hit : std::span(hits).first(std::min(hits.size(), most))) {
      places.push_back(fmt::format("{}{:#x} in {} (offset {:#x})", one_name ? "" : full_name(hit, hits) + " at ",
                                   hit.address(), hit.module.path, hit.address() - hit.module.start));
    }
    if (hits.size() > most) places.push_back(fmt::format("and {} more", hits.size() - most));
    const Hit& first = hits.front();
    const bool one_file =
        std::ranges::all_of(hits, [&](const Hit& hit) { return hit.module.path == first.module.path; });
    const std::string_view file = file_name(first.module.path);
    std::string remedy = fmt::format("Location(\"{}\").in(\"{}\")", name, file);
    if (one_file) remedy = fmt::format("Location({:#x}).in(\"{}\")", first.address() - first.module.start, file);
    if (!one_name) remedy = fmt::format("\"{}\"", full_name(first, hits));
    throw SymbolError(fmt::format("\"{}\" is ambiguous: {}; say which one is meant, e.g. {}", name,
                                  support::join(places, ", "), remedy));
  }

  [[noreturn]] void throw_unknown(std::string_view name) const {
    std::vector<std::string_view> candidates;
    std::vector<std::shared_ptr<const symbols::SymbolTable>> alive;
    std::vector<std::string> searched;
    std::vector<std::string> stripped;
    std::vector<std::string> elsewhere;
    for (const Modules::File& file : modules_.files()) {
      const auto loaded = modules_.load(file);
      if (loaded.empty()) continue;
      const auto& table = loaded.front().table;
      if (narrowed_ && !is_narrowed(file)) {
        if (!table->find(name).empty()) elsewhere.emplace_back(file_name(file.path));
        continue;
      }
      std::ranges::copy(table->perhaps_near(name, modules_.options()), std::back_inserter(candidates));
      alive.push_back(table);
      searched.emplace_back(file_name(file.path));
      // That libraries are stripped is nothing special.
      const bool matters = narrowed_ || file.kind == Kind::program;
      if (matters && table->only_exports(modules_.options())) stripped.push_back(file.path);
    }
    std::string text = fmt::format("no symbol \"{}\" in {}", name,
                                   searched.empty() ? location_.module() : support::join(searched, ", "));
    const auto near = support::near_names(name, candidates);
    if (!near.empty()) text += fmt::format("; near names: {}", support::join(near, ", "));
    if (!elsewhere.empty()) text += fmt::format("; it is in {}", support::join(elsewhere, ", "));
    for (const std::string& path : stripped)
      text += fmt::format("; {} is stripped: only what it exports is known; {}", path, remedy_for_stripped());
    throw SymbolError(text);
  }

  [[nodiscard]] std::string_view remedy_for_stripped() const {
    switch (modules_.options().level) {
      case SymbolLevel::tables:
      case SymbolLevel::dwarf: return "SymbolLevel::separate looks for its debug file too";
      case SymbolLevel::separate: return "install its debug symbols, or let SymbolLevel::debuginfod download them";
      case SymbolLevel::debuginfod: break;
    }
    return "neither this machine nor the servers in DEBUGINFOD_URLS have its debug symbols";
  }

  const Location& location_;
  const Modules& modules_;
  /// The mappings that `.in(...)` names, and the files with code among them.
  std::optional<MemoryMaps> narrowed_;
  std::vector<const Modules::File*> files_;
  Address base_ = 0;
};

}  // namespace

Address resolve(const Location& location, const Modules& modules) { return Resolver(location, modules).resolve(); }

std::vector<Address> resolve_all(const Location& location, const Modules& modules) {
  return Resolver(location, modules).resolve_all();
}

std::vector<Symbol> find_symbols(std::string_view name, const Modules& modules, SymbolLevel most) {
  const symbols::SymbolQuery query(name);
  std::vector<Symbol> symbols;
  const auto levels = std::span(levels_in_order).first(static_cast<std::size_t>(most) + 1);
  for (const SymbolLevel level : levels) {
    for (const Modules::File& file : modules.files()) {
      const auto hits = find_in(modules, file, query, level);
      std::ranges::transform(hits, std::back_inserter(symbols), &Hit::symbol);
    }
    if (!symbols.empty()) break;
  }
  return symbols;
}

std::vector<Symbol> matching_symbols(const symbols::SymbolPattern& pattern, const SymbolFilter& filter,
                                     const Modules& modules) {
  const MemoryMaps maps = filter.in.empty() ? modules.maps() : modules.maps().filter(filter.in);
  const auto wanted = [&](const std::string& path) {
    return std::ranges::any_of(maps, [&](const MemoryMap& map) { return map.path == path; });
  };
  std::vector<Symbol> found;
  for (const Modules::File& file : modules.files()) {
    if (!wanted(file.path)) continue;
    for (const Module& module : modules.load(file)) {
      std::vector<Entry> entries;
      module.table->each(module.options, [&](const Entry& entry) {
        if (pattern.matches(entry.name)) entries.push_back(entry);
      });
      entries = symbols::each_once(std::move(entries));
      for (const Entry& entry : std::span(entries).first(std::min(entries.size(), filter.limit - found.size()))) {
        found.push_back(symbol_of(entry, module));
      }
      if (found.size() == filter.limit) return found;
    }
  }
  return found;
}

std::optional<Symbol> symbol_at(Address address, const Modules& modules) {
  const auto module = modules.at(address);
  if (!module) return std::nullopt;
  const auto entry = module->symbol_at(address);
  if (!entry) return std::nullopt;
  return Hit{*entry, *module}.symbol();
}

bool is_indirect(Address address, const Modules& modules) {
  const auto module = modules.at(address);
  return module && module->table->indirect(address - module->bias);
}

}  // namespace trapline::core
