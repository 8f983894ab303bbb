#include "symbols/linkage.hpp"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string>

#include "support/bytes.hpp"

namespace trapline::symbols {
namespace {

using support::load;

/// What one machine's relocations are called.
struct Machine {
  std::uint32_t jump_slot;
  std::uint32_t data_slot;
  std::uint32_t type_mask;
  unsigned symbol_shift;
};
constexpr Machine amd64{R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT, 0xffffffff, 32};
constexpr Machine i386{R_386_JMP_SLOT, R_386_GLOB_DAT, 0xff, 8};

/// Reads the dynamic relocations of one file and the code of its PLT. `Word`, `Symbol` and so on are those of its
/// class.
template <class Word, class Symbol, class Dynamic, const Machine& machine>
class Linkage {
 public:
  explicit Linkage(const ElfFile& elf) : elf_(elf), sections_(elf.sections()) {}

  FileSymbols read() {
    for (const Section& section : sections_) {
      if (section.type == SHT_RELA || section.type == SHT_REL) read_relocations(section);
      if (section.type == SHT_DYNAMIC) read_dynamic(section);
    }
    for (const auto& [slot, name] : slots_) result_.add(slot, sizeof(Word), std::string(name) + "@got");
    for (const Section& section : sections_) {
      if ((section.flags & SHF_EXECINSTR) != 0 && section.name.starts_with(".plt")) read_code(section);
    }
    return result_.take();
  }

 private:
  /// Symbols and strings are read once: a file has one dynamic table, which .rela.plt and .rela.dyn share.
  bool use_symbols(std::uint32_t index) {
    if (index == symbols_index_) return true;
    if (symbols_index_ != 0 || index == 0 || index >= sections_.size() || sections_[index].link >= sections_.size())
      return false;
    const Section& table = sections_[index];
    if (table.type != SHT_DYNSYM) return false;
    symbols_ = elf_.content(table);
    strings_ = elf_.content(sections_[table.link]);
    symbols_index_ = index;
    return true;
  }

  void read_relocations(const Section& section) {
    const bool with_addend = section.type == SHT_RELA;
    const std::size_t step = sizeof(Word) * (with_addend ? 3 : 2);
    // Those that the linker needs itself have no address.
    if ((section.flags & SHF_ALLOC) == 0) return;
    if (!use_symbols(section.link)) return;
    const Content content = elf_.content(section);
    for (std::size_t at = 0; at + step <= content.size(); at += step) {
      const auto slot = load<Word>(content.bytes(), at).value_or(0);
      const auto info = load<Word>(content.bytes(), at + sizeof(Word)).value_or(0);
      const auto type = static_cast<std::uint32_t>(info) & machine.type_mask;
      if (type != machine.jump_slot && type != machine.data_slot) continue;
      const auto symbol =
          load<Symbol>(symbols_.bytes(), static_cast<std::size_t>(info >> machine.symbol_shift) * sizeof(Symbol));
      if (!symbol) continue;
      const std::string_view name = string_at(strings_, symbol->st_name);
      if (!name.empty()) slots_.emplace(slot, name);
    }
  }

  /// The base of the position-independent PLT of i386, which it has in ebx.
  void read_dynamic(const Section& section) {
    const Content content = elf_.content(section);
    for (std::size_t at = 0; const auto entry = load<Dynamic>(content.bytes(), at); at += sizeof(Dynamic)) {
      if (entry->d_tag == DT_PLTGOT) got_ = entry->d_un.d_ptr;
    }
  }

  void read_code(const Section& section) {
    constexpr std::size_t usual_size = 16;
    constexpr std::size_t short_size = 8;
    const Content content = elf_.content(section);
    const ByteView code = content.bytes();
    const std::size_t size = section.entry_size == short_size ? short_size : usual_size;
    for (std::size_t entry = 0; entry < code.size(); entry += size) {
      const ByteView bytes = code.subspan(entry, std::min(size, code.size() - entry));
      const auto slot = slot_of(bytes, section.address + entry);
      if (!slot) continue;
      const auto known = slots_.find(static_cast<Word>(*slot));
      if (known != slots_.end())
        result_.add(section.address + entry, bytes.size(), std::string(known->second) + "@plt");
    }
  }

  /// Where an entry's jump takes its target from; it may begin with endbr and have a prefix for old MPX. The lazy part
  /// of a PLT with .plt.sec has no such jump, and the first entry of any jumps through a slot that has no name.
  [[nodiscard]] std::optional<Address> slot_of(ByteView entry, Address address) const {
    constexpr std::byte group{0xff};
    constexpr std::byte through_memory{0x25};
    constexpr std::byte through_ebx{0xa3};
    constexpr std::size_t length = 6;
    // Past its beginning at most by endbr and the prefix.
    constexpr std::size_t latest = 5;
    for (std::size_t at = 0; at + length <= entry.size() && at <= latest; ++at) {
      if (entry[at] != group) continue;
      const auto operand = load<std::int32_t>(entry, at + 2).value_or(0);
      const auto distance = static_cast<Address>(std::int64_t{operand});
      if (entry[at + 1] == through_memory && sizeof(Word) == 8) return address + at + length + distance;
      if (entry[at + 1] == through_memory) return static_cast<std::uint32_t>(operand);
      if (entry[at + 1] == through_ebx && sizeof(Word) == 4) return static_cast<std::uint32_t>(got_ + distance);
    }
    return std::nullopt;
  }

  const ElfFile& elf_;
  std::vector<Section> sections_;
  std::uint32_t symbols_index_ = 0;
  Content symbols_;
  Content strings_;
  Address got_ = 0;
  std::map<Word, std::string_view> slots_;
  SymbolCollector result_;
};

}  // namespace

FileSymbols linkage_of(const ElfFile& elf) {
  if (!elf.is_little_endian()) return {};
  switch (elf.machine()) {
    case EM_X86_64:
      return elf.is_64_bit() ? Linkage<std::uint64_t, Elf64_Sym, Elf64_Dyn, amd64>(elf).read() : FileSymbols{};
    case EM_386:
      return elf.is_64_bit() ? FileSymbols{} : Linkage<std::uint32_t, Elf32_Sym, Elf32_Dyn, i386>(elf).read();
    default: return {};
  }
}

}  // namespace trapline::symbols
