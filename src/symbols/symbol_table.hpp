#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "symbols/elf_file.hpp"

namespace trapline::symbols {

/// The symbols of one file, by name and by address. Immutable, so that all threads and processes share it.
///
/// Addresses are those that the file was linked for; a load bias turns them into a process's.
class SymbolTable {
 public:
  struct Entry {
    std::string_view name;
    Address address = 0;
    /// 0 when the file tells none.
    std::uint64_t size = 0;
    Binding binding = Binding::global;
    bool old_version = false;
  };

  SymbolTable(FileSymbols symbols, std::vector<Segment> segments);

  /// All of exactly that name, in the order of their addresses.
  [[nodiscard]] std::vector<Entry> find(std::string_view name) const;
  /// The symbol that contains the address or, without sizes, the nearest below it in the same section.
  [[nodiscard]] std::optional<Entry> at(Address address) const;
  /// Whether a function begins there that chooses another one.
  [[nodiscard]] bool indirect(Address address) const;
  /// Names that may be a slip of the given one; a superset, for support::near_names to rank.
  [[nodiscard]] std::vector<std::string_view> perhaps_near(std::string_view name) const;

  [[nodiscard]] const std::vector<Segment>& segments() const { return segments_; }
  [[nodiscard]] bool stripped() const { return stripped_; }
  [[nodiscard]] std::size_t size() const { return symbols_.size(); }

 private:
  [[nodiscard]] std::string_view name_of(const FileSymbol& symbol) const {
    return std::string_view(names_).substr(symbol.name, symbol.name_size);
  }
  [[nodiscard]] Entry entry(const FileSymbol& symbol) const;
  void sort();
  void index_names();
  [[nodiscard]] bool nicer(const FileSymbol& a, const FileSymbol& b) const;

  std::string names_;
  /// By address, then by name; each pair of them once.
  std::vector<FileSymbol> symbols_;
  std::vector<Segment> segments_;
  bool stripped_;
  /// The farthest end of a sized symbol up to each index: where a search for one around an address can give up.
  std::vector<Address> reach_;
  /// Open addressing: indices into symbols_ plus 1, in the slot of the name's hash or the next free one.
  std::vector<std::uint32_t> slots_;
};

/// The table of a file, built once for as long as the file stays the same; nullptr when it cannot be read or is no ELF
/// file. Any thread.
[[nodiscard]] std::shared_ptr<const SymbolTable> table_of_file(const std::string& path);
/// The table of an image of a whole file; nullptr when it is no ELF file.
[[nodiscard]] std::shared_ptr<const SymbolTable> table_of_image(Bytes image);

}  // namespace trapline::symbols
