#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "symbols/debug_symbols.hpp"
#include "symbols/file_origin.hpp"
#include "symbols/symbol_list.hpp"
#include "symbols/symbol_query.hpp"

namespace trapline::symbols {

/// The symbols of one file, by name and by address, from itself and from what tells more about it. Immutable to its
/// users, so that all threads and processes share it.
///
/// Addresses are those that the file was linked for; a load bias turns them into a process's.
class SymbolTable {
 public:
  using Entry = SymbolList::Entry;

  /// What the tables of a file hold; more is read through the origin when it is asked for.
  SymbolTable(FileSymbols symtab, FileSymbols dynsym, std::vector<Segment> segments, FileOrigin origin = {});
  SymbolTable(const ElfFile& elf, FileOrigin origin);

  /// What exactly that level knows by the name, in the order of addresses, each address and name once.
  [[nodiscard]] std::vector<Entry> find(const SymbolQuery& query, SymbolLevel level,
                                        const SymbolOptions& options) const;
  /// What the file's own tables know by it.
  [[nodiscard]] std::vector<Entry> find(std::string_view name) const;
  /// The symbol that contains the address or, without sizes, the nearest below it in the same section.
  [[nodiscard]] std::optional<Entry> at(Address address, const SymbolOptions& options = {}) const;
  /// Whether a function begins there that chooses another one.
  [[nodiscard]] bool indirect(Address address) const;
  /// All up to a level, of DWARF only where there is no .symtab; the same may come more than once.
  void each(const SymbolOptions& options, SymbolList::Visitor visit) const;
  /// Names up to a level that may be a slip of the given one; a superset, for support::near_names to rank.
  [[nodiscard]] std::vector<std::string_view> perhaps_near(std::string_view name, const SymbolOptions& options) const;

  [[nodiscard]] const std::vector<Segment>& segments() const { return segments_; }
  /// Without .symtab: of its own names only those that it exports are known.
  [[nodiscard]] bool stripped() const { return symtab_.empty(); }
  /// Whether nothing up to a level makes up for that.
  [[nodiscard]] bool only_exports(const SymbolOptions& options) const;
  [[nodiscard]] std::size_t size() const { return symtab_.size() + dynsym_.size(); }

 private:
  [[nodiscard]] std::vector<Entry> find_anew(const SymbolQuery& query, SymbolLevel level,
                                             const SymbolOptions& options) const;
  [[nodiscard]] std::vector<Entry> find_in_tables(const SymbolQuery& query) const;
  [[nodiscard]] const SymbolList& mini() const;
  [[nodiscard]] const SymbolList& linkage() const;
  /// What a level adds behind the tables; nullptr when there is nothing.
  [[nodiscard]] const DebugSymbols* more(SymbolLevel level, const SymbolOptions& options) const;
  [[nodiscard]] const DebugSymbols* downloaded(const SymbolOptions& options) const;

  SymbolList symtab_;
  SymbolList dynsym_;
  std::vector<Segment> segments_;
  FileOrigin origin_;
  std::optional<DebugSymbols> own_dwarf_;

  mutable std::once_flag mini_read_;
  mutable std::optional<SymbolList> mini_;
  mutable std::once_flag linkage_read_;
  mutable std::optional<SymbolList> linkage_;
  mutable std::once_flag separate_found_;
  mutable std::optional<DebugSymbols> separate_;
  mutable std::mutex mutex_;
  /// What was looked up in vain, and where: a breakpoint that waits for its library asks again and again.
  mutable std::set<std::pair<SymbolLevel, std::string>> unknown_;
  mutable std::mutex download_;
  mutable std::optional<DebugSymbols> downloaded_;
};

/// The table of a file, built once for as long as the file stays the same, and shared by all files of one build;
/// nullptr when it cannot be read or is no ELF file. Any thread.
[[nodiscard]] std::shared_ptr<const SymbolTable> table_of_file(const std::string& path);
/// The table of an image of a whole file; nullptr when it is no ELF file.
[[nodiscard]] std::shared_ptr<const SymbolTable> table_of_image(Bytes image);

}  // namespace trapline::symbols
