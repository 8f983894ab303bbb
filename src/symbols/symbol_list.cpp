#include "symbols/symbol_list.hpp"

#include <algorithm>
#include <bit>
#include <compare>
#include <cstring>
#include <tuple>

namespace trapline::symbols {
namespace {

/// So many searches cost as much as the index of names.
constexpr unsigned searches_before_index = 4;
/// A table so small is indexed at once.
constexpr std::size_t small = 512;

std::size_t leading_underscores(std::string_view name) { return std::min(name.find_first_not_of('_'), name.size()); }

}  // namespace

bool nicer(const SymbolList::Entry& a, const SymbolList::Entry& b) {
  // Of the names of one place a user knows `puts` rather than `_IO_puts`, and `malloc` rather than `__libc_malloc`.
  const auto rank = [](const SymbolList::Entry& entry) {
    return std::tuple(leading_underscores(entry.name), entry.binding, entry.old_version, entry.name.size());
  };
  return rank(a) < rank(b);
}

std::vector<SymbolList::Entry> each_once(std::vector<SymbolList::Entry> entries) {
  const auto place = [](const SymbolList::Entry& entry) { return std::tuple(entry.address, entry.name); };
  std::ranges::stable_sort(entries, {}, place);
  const auto same = [&](const auto& a, const auto& b) { return place(a) == place(b); };
  entries.erase(std::unique(entries.begin(), entries.end(), same), entries.end());
  return entries;
}

SymbolList::SymbolList(FileSymbols symbols) : all_(std::move(symbols)) {}

SymbolList::Entry SymbolList::entry(const FileSymbol& symbol) const {
  Entry entry{.name = string_at(all_.names, symbol.name),
              .version = symbol.version < all_.versions.size() ? all_.versions[symbol.version] : std::string_view(),
              .address = symbol.address,
              .size = symbol.sized ? symbol.size : 0,
              .binding = symbol.binding,
              .old_version = symbol.old_version,
              .indirect = symbol.indirect};
  if (!all_.versions_in_names) return entry;
  if (const std::size_t mark = entry.name.find('@', 1); mark != std::string_view::npos) {
    const bool current = entry.name.substr(mark, 2) == "@@";
    entry.old_version = !current;
    entry.version = entry.name.substr(mark + (current ? 2 : 1));
    entry.name = entry.name.substr(0, mark);
  }
  return entry;
}

std::vector<SymbolList::Span> SymbolList::occurrences(std::string_view text, bool whole) const {
  std::vector<Span> spans;
  const std::string_view names = all_.names.text();
  std::size_t from = 0;
  while (from < names.size()) {
    const void* const found = ::memmem(names.data() + from, names.size() - from, text.data(), text.size());
    if (found == nullptr) break;
    const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - names.data());
    if (whole) {
      spans.push_back({at, at});
      from = at + 1;
      continue;
    }
    const std::size_t before = at == 0 ? std::string_view::npos : names.rfind('\0', at - 1);
    // The last place of the text in this string: a name that begins behind it does not have it.
    const std::size_t end = std::min(names.find('\0', at), names.size());
    const std::size_t last = at + names.substr(at, end - at).rfind(text);
    spans.push_back({before == std::string_view::npos ? 0 : before + 1, last});
    from = end + 1;
  }
  return spans;
}

void SymbolList::each_in(const std::vector<Span>& spans, Visitor visit) const {
  if (spans.empty()) return;
  for (const FileSymbol& symbol : symbols_) {
    if (symbol.name < spans.front().first || symbol.name > spans.back().last) continue;
    const auto span = std::ranges::lower_bound(spans, std::size_t{symbol.name}, {}, &Span::last);
    if (span != spans.end() && span->first <= symbol.name) visit(entry(symbol));
  }
}

void SymbolList::each_containing(std::string_view text, Visitor visit) const {
  if (text.empty()) return each(visit);
  each_in(occurrences(text, false), visit);
}

void SymbolList::each(Visitor visit) const {
  for (const FileSymbol& symbol : symbols_) visit(entry(symbol));
}

std::vector<SymbolList::Entry> SymbolList::find(std::string_view name) const {
  if (empty() || name.empty() || name.find('\0') != std::string_view::npos) return {};
  if (symbols_.size() <= small || searches_.fetch_add(1, std::memory_order_relaxed) >= searches_before_index) {
    return find_by_hash(name);
  }
  std::vector<Entry> found;
  const auto collect = [&](const Entry& entry) { found.push_back(entry); };
  for (const char end : {'\0', '@'}) {
    if (end == '@' && !all_.versions_in_names) continue;
    std::string text(name);
    text += end;
    each_in(occurrences(text, true), collect);
  }
  return found;
}

std::vector<SymbolList::Entry> SymbolList::find_by_hash(std::string_view name) const {
  std::call_once(names_indexed_, [this] { index_names(); });
  std::vector<Entry> found;
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = std::hash<std::string_view>()(name) & mask;
  while (slots_[slot] != 0 && entry(symbols_[slots_[slot] - 1]).name != name) slot = (slot + 1) & mask;
  for (std::uint32_t i = slots_[slot]; i != 0; i = same_name_[i - 1]) found.push_back(entry(symbols_[i - 1]));
  return found;
}

void SymbolList::index_names() const {
  slots_.resize(std::bit_ceil(symbols_.size() * 2 + 1));
  same_name_.resize(symbols_.size());
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = 0; i < symbols_.size(); ++i) {
    const std::string_view name = entry(symbols_[i]).name;
    std::size_t slot = std::hash<std::string_view>()(name) & mask;
    while (slots_[slot] != 0 && entry(symbols_[slots_[slot] - 1]).name != name) slot = (slot + 1) & mask;
    same_name_[i] = slots_[slot];
    slots_[slot] = static_cast<std::uint32_t>(i + 1);
  }
}

void SymbolList::order_addresses() const {
  struct Place {
    Address address;
    std::uint32_t index;
  };
  std::vector<Place> places(symbols_.size());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = {symbols_[i].address, static_cast<std::uint32_t>(i)};
  std::ranges::sort(places, [](const Place& a, const Place& b) {
    return a.address != b.address ? a.address < b.address : a.index < b.index;
  });
  by_address_.reserve(places.size());
  reach_.reserve(places.size());
  Address farthest = 0;
  for (const Place& place : places) {
    const FileSymbol& symbol = symbols_[place.index];
    if (symbol.sized) farthest = std::max(farthest, symbol.address + std::min(symbol.size, ~symbol.address));
    by_address_.push_back(place.index);
    reach_.push_back(farthest);
  }
}

std::optional<SymbolList::Entry> SymbolList::at(Address address) const {
  std::call_once(addresses_ordered_, [this] { order_addresses(); });
  const auto symbol_at = [this](std::size_t place) -> const FileSymbol& { return symbols_[by_address_[place]]; };
  const auto above = std::ranges::upper_bound(by_address_, address, {},
                                              [this](std::uint32_t index) { return symbols_[index].address; });
  const auto count = static_cast<std::size_t>(above - by_address_.begin());
  std::optional<Entry> around;
  std::optional<Entry> below;
  for (std::size_t i = count; i > 0; --i) {
    const FileSymbol& symbol = symbol_at(i - 1);
    const bool nearest = symbol.address == symbol_at(count - 1).address;
    if (around && symbol.address != around->address) break;
    if (!nearest && reach_[i - 1] <= address) break;
    if (address - symbol.address >= symbol.size || !(symbol.sized || nearest)) continue;
    const Entry candidate = entry(symbol);
    std::optional<Entry>& best = symbol.sized ? around : below;
    if (!best || nicer(candidate, *best)) best = candidate;
  }
  return around ? around : below;
}

}  // namespace trapline::symbols
