#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "symbols/elf_file.hpp"

namespace trapline::symbols {

enum class Binding : std::uint8_t { global, weak, local };

/// A defined symbol that stands for a place in memory; the address is the one that the file was linked for. There may
/// be millions of them, so it is as small as it can be.
struct FileSymbol {
  Address address = 0;
  /// Of one that is not `sized`: how far its section reaches from here, which is what it can cover at most.
  std::uint64_t size = 0;
  /// Where its name begins in FileSymbols::names.
  std::uint32_t name = 0;
  /// An index into FileSymbols::versions; 0 for none.
  std::uint16_t version = 0;
  Binding binding = Binding::global;
  bool sized : 1 = true;
  /// An old version kept for old programs (`memcpy@GLIBC_2.2.5`), which no new program gets by this name.
  bool old_version : 1 = false;
  /// The function chooses the one that is meant (STT_GNU_IFUNC).
  bool indirect : 1 = false;
};

/// The symbols of one table.
struct FileSymbols {
  std::vector<FileSymbol> symbols;
  /// Strings that end with a zero. In .symtab a version is a part of the name: `foo@@V` is the current one, `foo@V` an
  /// old one.
  Content names;
  /// They point into the names.
  std::vector<std::string_view> versions;
  /// Whether an at sign in a name begins a version; in `puts@plt` it does not.
  bool versions_in_names = true;
};

/// The string at an offset of a string table. What is longer than any compiler makes is cut off, for a damaged file may
/// name one immense string a million times.
[[nodiscard]] std::string_view string_at(const Content& strings, std::size_t offset);

/// Collects symbols that no table in the file has.
class SymbolCollector {
 public:
  void add(Address address, std::uint64_t size, std::string_view name, Binding binding = Binding::global);
  [[nodiscard]] std::size_t size() const { return symbols_.size(); }
  [[nodiscard]] FileSymbols take();

 private:
  std::vector<FileSymbol> symbols_;
  std::string names_;
};

/// What .symtab and .dynsym of a file define, less sections, files and thread-local variables; empty without that
/// table.
[[nodiscard]] FileSymbols symtab_of(const ElfFile& elf);
[[nodiscard]] FileSymbols dynsym_of(const ElfFile& elf);

}  // namespace trapline::symbols
