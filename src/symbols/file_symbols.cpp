#include "symbols/file_symbols.hpp"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "support/bytes.hpp"

namespace trapline::symbols {
namespace {

using support::load;

constexpr std::size_t longest_name = std::size_t{1} << 14;

/// Whether a symbol stands for a place in memory. Thread-local ones are offsets, absolute ones names of versions.
bool is_place(unsigned type, unsigned section) {
  if (section == SHN_UNDEF || section == SHN_ABS || section == SHN_COMMON) return false;
  return type == STT_NOTYPE || type == STT_OBJECT || type == STT_FUNC || type == STT_GNU_IFUNC;
}

/// `$x`, `$d` and the like tell a disassembler of AArch64 what follows.
bool is_mapping_symbol(const char* name) {
  return name[0] == '$' && name[1] != '\0' && std::strchr("xdat", name[1]) != nullptr &&
         (name[2] == '\0' || name[2] == '.');
}

Binding binding_of(unsigned binding) {
  switch (binding) {
    case STB_LOCAL: return Binding::local;
    case STB_WEAK: return Binding::weak;
    default: return Binding::global;
  }
}

/// Takes one symbol section apart.
class Reader {
 public:
  Reader(const ElfFile& elf, std::uint32_t type) : elf_(elf), sections_(elf.sections()), type_(type) {
    skips_mapping_symbols_ = elf.machine() == EM_AARCH64 || elf.machine() == EM_ARM;
  }

  FileSymbols read() {
    const auto table = std::ranges::find(sections_, type_, &Section::type);
    if (table == sections_.end() || !elf_.is_little_endian() || table->link >= sections_.size()) return {};
    result_.names = elf_.content(sections_[table->link]);
    // The names' offsets have 32 bits, so nothing behind can be meant.
    if (result_.names.size() > std::numeric_limits<std::uint32_t>::max()) return {};
    if (type_ == SHT_DYNSYM) read_versions();
    const Content entries = elf_.content(*table);
    if (elf_.is_64_bit()) {
      read_entries<Elf64_Sym>(entries.bytes());
    } else {
      read_entries<Elf32_Sym>(entries.bytes());
    }
    return std::move(result_);
  }

 private:
  template <class Entry>
  void read_entries(ByteView entries) {
    result_.symbols.reserve(entries.size() / sizeof(Entry));
    for (std::size_t i = 0; (i + 1) * sizeof(Entry) <= entries.size(); ++i) {
      Entry entry;
      std::memcpy(&entry, &entries[i * sizeof(Entry)], sizeof entry);
      // The macros for 64 bits are those for 32.
      if (!is_place(ELF64_ST_TYPE(entry.st_info), entry.st_shndx)) continue;
      if (entry.st_name == 0 || entry.st_name >= result_.names.size()) continue;
      const char* const name = result_.names.text().data() + entry.st_name;
      if (*name == '\0' || (skips_mapping_symbols_ && is_mapping_symbol(name))) continue;
      FileSymbol symbol{.address = entry.st_value,
                        .size = entry.st_size,
                        .name = entry.st_name,
                        .binding = binding_of(ELF64_ST_BIND(entry.st_info)),
                        .sized = entry.st_size != 0,
                        .indirect = ELF64_ST_TYPE(entry.st_info) == STT_GNU_IFUNC};
      if (!symbol.sized) symbol.size = room_of(entry.st_value, entry.st_shndx);
      set_version(symbol, i);
      result_.symbols.push_back(symbol);
    }
  }

  [[nodiscard]] std::uint64_t room_of(Address address, std::size_t index) const {
    if (index >= sections_.size()) return 0;
    const Section& section = sections_[index];
    return address >= section.address && address - section.address < section.size
               ? section.size - (address - section.address)
               : 0;
  }

  void set_version(FileSymbol& symbol, std::size_t index) const {
    const auto version = load<Elf64_Half>(version_of_symbol_.bytes(), index * sizeof(Elf64_Half));
    if (!version) return;
    constexpr Elf64_Half hidden = 0x8000;
    symbol.old_version = (*version & hidden) != 0;
    const Elf64_Half number = *version & static_cast<Elf64_Half>(~hidden);
    if (number < result_.versions.size()) symbol.version = number;
  }

  /// The names of the versions that the file defines, by their numbers. The structures are those of both classes.
  void read_versions() {
    const auto of_symbols = std::ranges::find(sections_, std::uint32_t{SHT_GNU_versym}, &Section::type);
    const auto defined = std::ranges::find(sections_, std::uint32_t{SHT_GNU_verdef}, &Section::type);
    if (of_symbols == sections_.end()) return;
    version_of_symbol_ = elf_.content(*of_symbols);
    if (defined == sections_.end()) return;
    const Content content = elf_.content(*defined);
    std::size_t offset = 0;
    while (const auto definition = load<Elf64_Verdef>(content.bytes(), offset)) {
      const auto first = load<Elf64_Verdaux>(content.bytes(), offset + definition->vd_aux);
      constexpr Elf64_Half most = 4096;
      // The first one names the file.
      if (first && (definition->vd_flags & VER_FLG_BASE) == 0 && definition->vd_ndx < most &&
          first->vda_name < result_.names.size()) {
        if (definition->vd_ndx >= result_.versions.size()) result_.versions.resize(definition->vd_ndx + std::size_t{1});
        result_.versions[definition->vd_ndx] = string_at(result_.names, first->vda_name);
      }
      if (definition->vd_next < sizeof(Elf64_Verdef)) return;
      offset += definition->vd_next;
    }
  }

  const ElfFile& elf_;
  std::vector<Section> sections_;
  std::uint32_t type_;
  bool skips_mapping_symbols_ = false;
  Content version_of_symbol_;
  FileSymbols result_;
};

}  // namespace

std::string_view string_at(const Content& strings, std::size_t offset) {
  if (offset >= strings.size()) return {};
  const char* const begin = strings.text().data() + offset;
  return {begin, ::strnlen(begin, std::min(longest_name, strings.size() - offset))};
}

void SymbolCollector::add(Address address, std::uint64_t size, std::string_view name, Binding binding) {
  constexpr std::size_t most = std::size_t{1} << 28;
  name = name.substr(0, longest_name);
  if (names_.size() + name.size() > most) return;
  symbols_.push_back({.address = address,
                      .size = size,
                      .name = static_cast<std::uint32_t>(names_.size()),
                      .binding = binding,
                      .sized = size != 0});
  names_ += name;
  names_ += '\0';
}

FileSymbols SymbolCollector::take() {
  FileSymbols result{.symbols = std::move(symbols_), .names = Content(names_.size()), .versions = {}};
  std::memcpy(result.names.data(), names_.data(), names_.size());
  result.versions_in_names = false;
  return result;
}

FileSymbols symtab_of(const ElfFile& elf) { return Reader(elf, SHT_SYMTAB).read(); }
FileSymbols dynsym_of(const ElfFile& elf) { return Reader(elf, SHT_DYNSYM).read(); }

}  // namespace trapline::symbols
