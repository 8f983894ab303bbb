#include "symbols/symbol_table.hpp"

#include <algorithm>
#include <bit>
#include <compare>
#include <functional>
#include <tuple>

#include <trapline/error.hpp>

#include "symbols/file_cache.hpp"

namespace trapline::symbols {
namespace {

std::size_t leading_underscores(std::string_view name) { return std::min(name.find_first_not_of('_'), name.size()); }

/// One bit for each character that occurs, folded to 64: one edit changes two of them at most.
std::uint64_t characters_of(std::string_view name) {
  std::uint64_t bits = 0;
  for (const char c : name) bits |= std::uint64_t{1} << (static_cast<unsigned char>(c) & 63U);
  return bits;
}

template <class Source>
std::shared_ptr<const SymbolTable> build(Source source) {
  try {
    const ElfFile elf(std::move(source));
    return std::make_shared<const SymbolTable>(elf.symbols(), elf.segments());
  } catch (const SymbolError&) {
    return nullptr;
  }
}

}  // namespace

SymbolTable::SymbolTable(FileSymbols symbols, std::vector<Segment> segments)
    : names_(std::move(symbols.names)),
      symbols_(std::move(symbols.symbols)),
      segments_(std::move(segments)),
      stripped_(symbols.stripped) {
  sort();
  index_names();
}

void SymbolTable::sort() {
  std::ranges::sort(symbols_, [this](const FileSymbol& a, const FileSymbol& b) {
    if (a.address != b.address) return a.address < b.address;
    return name_of(a) < name_of(b);
  });
  // What a library exports is in both .symtab and .dynsym.
  const auto same = [this](const FileSymbol& a, const FileSymbol& b) {
    return a.address == b.address && name_of(a) == name_of(b);
  };
  symbols_.erase(std::unique(symbols_.begin(), symbols_.end(), same), symbols_.end());
  symbols_.shrink_to_fit();
  reach_.reserve(symbols_.size());
  Address farthest = 0;
  for (const FileSymbol& symbol : symbols_) {
    farthest = std::max(farthest, symbol.address + symbol.size);
    reach_.push_back(farthest);
  }
}

void SymbolTable::index_names() {
  slots_.resize(std::bit_ceil(symbols_.size() * 2 + 1));
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = 0; i < symbols_.size(); ++i) {
    std::size_t slot = std::hash<std::string_view>()(name_of(symbols_[i])) & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<std::uint32_t>(i + 1);
  }
}

SymbolTable::Entry SymbolTable::entry(const FileSymbol& symbol) const {
  return {name_of(symbol), symbol.address, symbol.size, symbol.binding, symbol.old_version};
}

std::vector<SymbolTable::Entry> SymbolTable::find(std::string_view name) const {
  std::vector<Entry> found;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = std::hash<std::string_view>()(name) & mask; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const FileSymbol& symbol = symbols_[slots_[slot] - 1];
    if (name_of(symbol) == name) found.push_back(entry(symbol));
  }
  return found;
}

bool SymbolTable::nicer(const FileSymbol& a, const FileSymbol& b) const {
  // Of the names of one place a user knows `puts` rather than `_IO_puts`, and `malloc` rather than `__libc_malloc`.
  const auto rank = [this](const FileSymbol& symbol) {
    return std::tuple(leading_underscores(name_of(symbol)), symbol.binding, symbol.old_version, symbol.name_size);
  };
  return rank(a) < rank(b);
}

std::optional<SymbolTable::Entry> SymbolTable::at(Address address) const {
  const auto above = std::ranges::upper_bound(symbols_, address, {}, &FileSymbol::address);
  const FileSymbol* around = nullptr;
  const FileSymbol* below = nullptr;
  for (auto i = static_cast<std::size_t>(above - symbols_.begin()); i > 0; --i) {
    const FileSymbol& symbol = symbols_[i - 1];
    const bool nearest = symbol.address == std::prev(above)->address;
    if (around != nullptr && symbol.address != around->address) break;
    if (!nearest && reach_[i - 1] <= address) break;
    const std::uint64_t offset = address - symbol.address;
    if (offset < symbol.size && (around == nullptr || nicer(symbol, *around))) around = &symbol;
    const bool covers = symbol.size == 0 && offset < symbol.room;
    if (nearest && covers && (below == nullptr || nicer(symbol, *below))) below = &symbol;
  }
  if (around != nullptr) return entry(*around);
  if (below != nullptr) return entry(*below);
  return std::nullopt;
}

bool SymbolTable::indirect(Address address) const {
  const auto first = std::ranges::lower_bound(symbols_, address, {}, &FileSymbol::address);
  return first != symbols_.end() && first->address == address && first->indirect;
}

std::vector<std::string_view> SymbolTable::perhaps_near(std::string_view name) const {
  const std::size_t most_edits = std::max<std::size_t>(2, name.size() / 3);
  const std::uint64_t wanted = characters_of(name);
  std::vector<std::string_view> result;
  for (const FileSymbol& symbol : symbols_) {
    const std::string_view candidate = name_of(symbol);
    const std::size_t longer = std::max(candidate.size(), name.size());
    const std::size_t shorter = std::min(candidate.size(), name.size());
    const bool close = longer - shorter <= most_edits &&
                       static_cast<std::size_t>(std::popcount(characters_of(candidate) ^ wanted)) <= 2 * most_edits;
    if (close || candidate.starts_with(name)) result.push_back(candidate);
  }
  return result;
}

std::shared_ptr<const SymbolTable> table_of_file(const std::string& path) {
  // Never destroyed: threads may still ask while the host's statics go.
  static auto* const cache = new FileCache<SymbolTable>(build<support::Fd>);
  return cache->get(path);
}

std::shared_ptr<const SymbolTable> table_of_image(Bytes image) { return build(std::move(image)); }

}  // namespace trapline::symbols
