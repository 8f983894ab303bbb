#include "symbols/symbol_table.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <map>
#include <tuple>

#include <trapline/error.hpp>

#include "support/bytes.hpp"
#include "symbols/debuginfod.hpp"
#include "symbols/file_cache.hpp"
#include "symbols/linkage.hpp"
#include "symbols/mini_debug_info.hpp"
#include "symbols/separate_file.hpp"

namespace trapline::symbols {
namespace {

using Entry = SymbolList::Entry;

constexpr std::array levels_behind_tables{SymbolLevel::dwarf, SymbolLevel::separate, SymbolLevel::debuginfod};

/// One bit for each character that occurs, folded to 64: one edit changes two of them at most.
std::uint64_t characters_of(std::string_view name) {
  std::uint64_t bits = 0;
  for (const char c : name) bits |= std::uint64_t{1} << (static_cast<unsigned char>(c) & 63U);
  return bits;
}

const Section* section_called(const std::vector<Section>& sections, std::string_view name) {
  const auto found = std::ranges::find(sections, name, &Section::name);
  return found != sections.end() ? &*found : nullptr;
}

FileSymbols mini_debug_info_of(const ElfFile& elf) {
  const auto sections = elf.sections();
  const Section* const packed = section_called(sections, ".gnu_debugdata");
  if (packed == nullptr) return {};
  Bytes image = unpack_xz(elf.content(*packed).bytes());
  try {
    return image.empty() ? FileSymbols{} : symtab_of(ElfFile(std::move(image)));
  } catch (const SymbolError&) {
    return {};
  }
}

/// The innermost of two answers about one address; what has no size may not reach so far.
std::optional<Entry> better(std::optional<Entry> a, std::optional<Entry> b) {
  if (!a || !b) return a ? a : b;
  const auto rank = [](const Entry& entry) { return std::tuple(entry.size != 0, entry.address); };
  if (rank(*a) != rank(*b)) return rank(*a) > rank(*b) ? a : b;
  return nicer(*b, *a) ? b : a;
}

/// Files of one build are the same in every container; but stripping one changes its size and not its build id.
std::string build_of(const ElfFile& elf, const FileOrigin& origin) {
  const Bytes build_id = elf.build_id();
  const auto size = origin.size();
  if (build_id.empty() || !size) return {};
  return support::to_hex(build_id) + ' ' + std::to_string(*size);
}

std::shared_ptr<const SymbolTable> build(support::Fd file, const std::string& path) {
  // Never destroyed: threads may still ask while the host's statics go.
  static auto* const mutex = new std::mutex;
  static auto* const builds = new std::map<std::string, std::weak_ptr<const SymbolTable>>;
  try {
    FileOrigin origin(file, path);
    const ElfFile elf(std::move(file));
    const std::string name = build_of(elf, origin);
    if (name.empty()) return std::make_shared<const SymbolTable>(elf, std::move(origin));
    const std::lock_guard lock(*mutex);
    if (auto known = (*builds)[name].lock()) return known;
    auto table = std::make_shared<const SymbolTable>(elf, std::move(origin));
    std::erase_if(*builds, [](const auto& item) { return item.second.expired(); });
    (*builds)[name] = table;
    return table;
  } catch (const SymbolError&) {
    return nullptr;
  }
}

}  // namespace

SymbolTable::SymbolTable(FileSymbols symtab, FileSymbols dynsym, std::vector<Segment> segments, FileOrigin origin)
    : symtab_(std::move(symtab)),
      dynsym_(std::move(dynsym)),
      segments_(std::move(segments)),
      origin_(std::move(origin)) {}

SymbolTable::SymbolTable(const ElfFile& elf, FileOrigin origin)
    : SymbolTable(symtab_of(elf), dynsym_of(elf), elf.segments(), std::move(origin)) {
  const auto sections = elf.sections();
  const bool has_dwarf =
      section_called(sections, ".debug_info") != nullptr || section_called(sections, ".zdebug_info") != nullptr;
  if (!has_dwarf) return;
  own_dwarf_.emplace([this] { return origin_.open(); }, origin_.path(), DebugSymbols::Parts::dwarf);
}

const SymbolList& SymbolTable::mini() const {
  std::call_once(mini_read_, [this] {
    const auto elf = stripped() ? origin_.open() : std::nullopt;
    mini_.emplace(elf ? mini_debug_info_of(*elf) : FileSymbols{});
  });
  return *mini_;
}

const SymbolList& SymbolTable::linkage() const {
  std::call_once(linkage_read_, [this] {
    const auto elf = origin_.open();
    linkage_.emplace(elf ? linkage_of(*elf) : FileSymbols{});
  });
  return *linkage_;
}

const DebugSymbols* SymbolTable::more(SymbolLevel level, const SymbolOptions& options) const {
  switch (level) {
    case SymbolLevel::tables: return nullptr;
    case SymbolLevel::dwarf: return own_dwarf_ ? &*own_dwarf_ : nullptr;
    case SymbolLevel::separate:
      std::call_once(separate_found_, [this] {
        const auto elf = origin_.open();
        const auto path = elf ? debug_file_of(*elf, origin_.path()) : std::nullopt;
        if (path) separate_.emplace([path] { return open_elf(*path); }, *path, DebugSymbols::Parts::symtab_and_dwarf);
      });
      return separate_ ? &*separate_ : nullptr;
    case SymbolLevel::debuginfod: return downloaded(options);
  }
  return nullptr;
}

const DebugSymbols* SymbolTable::downloaded(const SymbolOptions& options) const {
  const std::lock_guard lock(download_);
  if (downloaded_) return &*downloaded_;
  // Who has its debug information needs no other.
  if (!stripped() || own_dwarf_ || more(SymbolLevel::separate, options) != nullptr) return nullptr;
  const auto elf = origin_.open();
  const auto path = elf ? download_debug_file(elf->build_id(), options) : std::nullopt;
  if (!path) return nullptr;
  downloaded_.emplace([path] { return open_elf(*path); }, *path, DebugSymbols::Parts::symtab_and_dwarf);
  return &*downloaded_;
}

std::vector<Entry> SymbolTable::find_in_tables(const SymbolQuery& query) const {
  if (query.of_linkage()) return query.find_in(linkage());
  std::vector<Entry> found;
  for (const SymbolList* list : {&symtab_, &dynsym_})
    std::ranges::copy(query.find_in(*list), std::back_inserter(found));
  return found.empty() ? query.find_in(mini()) : found;
}

std::vector<Entry> SymbolTable::find(const SymbolQuery& query, SymbolLevel level, const SymbolOptions& options) const {
  constexpr std::size_t most = 512;
  const std::pair key(level, query.written());
  {
    const std::lock_guard lock(mutex_);
    if (unknown_.contains(key)) return {};
  }
  auto found = find_anew(query, level, options);
  // A server may have it later.
  if (!found.empty() || level == SymbolLevel::debuginfod) return found;
  const std::lock_guard lock(mutex_);
  if (unknown_.size() >= most) unknown_.clear();
  unknown_.insert(key);
  return found;
}

std::vector<Entry> SymbolTable::find_anew(const SymbolQuery& query, SymbolLevel level,
                                          const SymbolOptions& options) const {
  if (level == SymbolLevel::tables) return each_once(find_in_tables(query));
  const DebugSymbols* const debug = more(level, options);
  return debug != nullptr ? each_once(debug->find(query)) : std::vector<Entry>{};
}

std::vector<Entry> SymbolTable::find(std::string_view name) const {
  return each_once(find_in_tables(SymbolQuery(name)));
}

std::optional<Entry> SymbolTable::at(Address address, const SymbolOptions& options) const {
  auto found = better(symtab_.at(address), dynsym_.at(address));
  for (const SymbolList* list : {&mini(), &linkage()}) {
    if (!found || found->size == 0) found = better(std::move(found), list->at(address));
  }
  for (const SymbolLevel level : levels_behind_tables) {
    if (!stripped() || (found && found->size != 0) || level > options.level) break;
    if (const DebugSymbols* const debug = more(level, options)) found = better(std::move(found), debug->at(address));
  }
  return found;
}

bool SymbolTable::only_exports(const SymbolOptions& options) const {
  if (!stripped() || !mini().empty()) return false;
  return std::ranges::none_of(levels_behind_tables, [&](SymbolLevel level) {
    return level <= options.level && more(level, options) != nullptr;
  });
}

void SymbolTable::each(const SymbolOptions& options, SymbolList::Visitor visit) const {
  for (const SymbolList* list : {&symtab_, &dynsym_, &mini(), &linkage()}) list->each(visit);
  for (const SymbolLevel level : levels_behind_tables) {
    if (!stripped() || level > options.level) return;
    if (const DebugSymbols* const debug = more(level, options)) debug->each(visit);
  }
}

bool SymbolTable::indirect(Address address) const {
  const auto entry = better(symtab_.at(address), dynsym_.at(address));
  return entry && entry->address == address && entry->indirect;
}

std::vector<std::string_view> SymbolTable::perhaps_near(std::string_view name, const SymbolOptions& options) const {
  const std::size_t most_edits = std::max<std::size_t>(2, name.size() / 3);
  const std::uint64_t wanted = characters_of(name);
  std::vector<std::string_view> result;
  const auto consider = [&](const Entry& entry) {
    const std::size_t longer = std::max(entry.name.size(), name.size());
    const std::size_t shorter = std::min(entry.name.size(), name.size());
    const bool close = longer - shorter <= most_edits &&
                       static_cast<std::size_t>(std::popcount(characters_of(entry.name) ^ wanted)) <= 2 * most_edits;
    if (close || entry.name.starts_with(name)) result.push_back(entry.name);
  };
  for (const SymbolList* list : {&symtab_, &dynsym_, &mini()}) list->each(consider);
  for (const SymbolLevel level : levels_behind_tables) {
    if (!stripped() || level > options.level) break;
    if (const DebugSymbols* const debug = more(level, options)) debug->each(consider);
  }
  return result;
}

std::shared_ptr<const SymbolTable> table_of_file(const std::string& path) {
  // Never destroyed: threads may still ask while the host's statics go.
  static auto* const cache = new FileCache<SymbolTable>(build);
  return cache->get(path);
}

std::shared_ptr<const SymbolTable> table_of_image(Bytes image) {
  try {
    return std::make_shared<const SymbolTable>(ElfFile(std::move(image)), FileOrigin());
  } catch (const SymbolError&) {
    return nullptr;
  }
}

}  // namespace trapline::symbols
