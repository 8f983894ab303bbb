#include "symbols/dwarf_symbols.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <unordered_map>

#include "symbols/separate_file.hpp"

namespace trapline::symbols {
namespace {

struct End {
  void operator()(Dwarf* dwarf) const { ::dwarf_end(dwarf); }
};
using DwarfHandle = std::unique_ptr<Dwarf, End>;

std::optional<Dwarf_Attribute> attribute(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute result;
  if (::dwarf_attr_integrate(&die, name, &result) == nullptr) return std::nullopt;
  return result;
}

std::string_view text_of(std::optional<Dwarf_Attribute> attribute) {
  const char* const text = attribute ? ::dwarf_formstring(&*attribute) : nullptr;
  // The same immense string can be everybody's name.
  constexpr std::size_t longest = 1 << 14;
  return text != nullptr ? std::string_view(text, ::strnlen(text, longest)) : std::string_view();
}

/// How large a variable is; 0 when that is not simple. libdw would follow a type that is its own base for ever.
std::uint64_t size_of_type(Dwarf_Die& variable) {
  Dwarf_Die type = variable;
  constexpr int most_layers = 32;
  for (int layer = 0; layer < most_layers; ++layer) {
    auto next = attribute(type, DW_AT_type);
    if (!next || ::dwarf_formref_die(&*next, &type) == nullptr) return 0;
    const int size = ::dwarf_bytesize(&type);
    if (size >= 0) return static_cast<std::uint64_t>(size);
    const int tag = ::dwarf_tag(&type);
    if (tag != DW_TAG_typedef && tag != DW_TAG_const_type && tag != DW_TAG_volatile_type) return 0;
  }
  return 0;
}

class Reader {
 public:
  Reader(Dwarf* dwarf, std::size_t most_entries) : dwarf_(dwarf), left_(most_entries) {}

  FileSymbols read() {
    Dwarf_CU* unit = nullptr;
    Dwarf_Die die;
    std::uint8_t unit_type = 0;
    while (left_ > 0 && ::dwarf_get_units(dwarf_, unit, &unit, nullptr, &unit_type, &die, nullptr) == 0) {
      if (unit_type == DW_UT_type || unit_type == DW_UT_split_type) continue;
      // A skeleton's own half is in another file; where that is lost, there are no names.
      Dwarf_Die split;
      if (unit_type == DW_UT_skeleton &&
          ::dwarf_cu_info(unit, nullptr, nullptr, nullptr, &split, nullptr, nullptr, nullptr) == 0 &&
          split.addr != nullptr) {
        die = split;
      }
      read_children(die, "", 0);
    }
    return result_.take();
  }

 private:
  void read_children(Dwarf_Die& parent, const std::string& scope, int depth) {
    constexpr int deepest = 64;
    Dwarf_Die die;
    if (depth > deepest || ::dwarf_child(&parent, &die) != 0) return;
    do {
      // A damaged file can make its entries each other's neighbours.
      if (left_ == 0) return;
      --left_;
      switch (::dwarf_tag(&die)) {
        case DW_TAG_subprogram:
          if (add_function(die, scope)) read_children(die, "", depth + 1);
          break;
        case DW_TAG_lexical_block: read_children(die, "", depth + 1); break;
        case DW_TAG_variable: add_variable(die, scope); break;
        case DW_TAG_namespace: {
          const std::string_view name = text_of(attribute(die, DW_AT_name));
          read_children(die, scope + std::string(name.empty() ? "(anonymous namespace)" : name) + "::", depth + 1);
          break;
        }
        default: break;
      }
    } while (::dwarf_siblingof(&die, &die) == 0);
  }

  /// Whether it has code.
  bool add_function(Dwarf_Die& die, const std::string& scope) {
    Dwarf_Addr begin = 0;
    if (::dwarf_entrypc(&die, &begin) != 0 || begin == 0) {
      note_scope(die, scope);
      return false;
    }
    Dwarf_Addr base = 0;
    Dwarf_Addr from = 0;
    Dwarf_Addr to = 0;
    std::uint64_t size = 0;
    // Of one that was split up the part that it begins with.
    std::size_t left = 64;
    for (std::ptrdiff_t at = 0; left > 0 && (at = ::dwarf_ranges(&die, at, &base, &from, &to)) > 0; --left) {
      if (begin >= from && begin < to) size = to - begin;
    }
    add(die, scope, begin, size);
    return true;
  }

  void add_variable(Dwarf_Die& die, const std::string& scope) {
    Dwarf_Attribute location;
    if (::dwarf_attr(&die, DW_AT_location, &location) == nullptr) return note_scope(die, scope);
    Dwarf_Op* ops = nullptr;
    std::size_t count = 0;
    if (::dwarf_getlocation(&location, &ops, &count) != 0 || count != 1) return;
    Dwarf_Addr address = 0;
    if (ops->atom == DW_OP_addr) {
      address = ops->number;
    } else if (ops->atom == DW_OP_addrx || ops->atom == DW_OP_GNU_addr_index) {
      Dwarf_Attribute indexed;
      if (::dwarf_getlocation_attr(&location, ops, &indexed) != 0 || ::dwarf_formaddr(&indexed, &address) != 0) return;
    }
    if (address != 0) add(die, scope, address, size_of_type(die));
  }

  /// What is declared in a namespace may be defined outside of it.
  void note_scope(Dwarf_Die& die, const std::string& scope) {
    if (!scope.empty()) scopes_[::dwarf_dieoffset(&die)] = scope;
  }

  [[nodiscard]] std::string declared_scope(Dwarf_Die& die) const {
    for (const int kind : {DW_AT_specification, DW_AT_abstract_origin}) {
      Dwarf_Attribute reference;
      Dwarf_Die declaration;
      if (::dwarf_attr(&die, static_cast<unsigned>(kind), &reference) == nullptr) continue;
      if (::dwarf_formref_die(&reference, &declaration) == nullptr) continue;
      const auto found = scopes_.find(::dwarf_dieoffset(&declaration));
      if (found != scopes_.end()) return found->second;
    }
    return {};
  }

  void add(Dwarf_Die& die, const std::string& scope, Address address, std::uint64_t size) {
    std::string_view linkage = text_of(attribute(die, DW_AT_linkage_name));
    if (linkage.empty()) linkage = text_of(attribute(die, DW_AT_MIPS_linkage_name));
    const std::string_view name = text_of(attribute(die, DW_AT_name));
    if (linkage.empty() && name.empty()) return;
    const bool external = attribute(die, DW_AT_external).has_value();
    const std::string qualified = (scope.empty() ? declared_scope(die) : scope) + std::string(name);
    result_.add(address, size, linkage.empty() ? qualified : std::string(linkage),
                external ? Binding::global : Binding::local);
  }

  Dwarf* dwarf_;
  std::size_t left_;
  std::unordered_map<Dwarf_Off, std::string> scopes_;
  SymbolCollector result_;
};

/// Common parts of several files are in one that .gnu_debugaltlink names. Without it what is there goes unnamed.
class CommonParts {
 public:
  CommonParts(Dwarf* dwarf, const std::string& path) {
    const char* name = nullptr;
    const void* id = nullptr;
    const ssize_t size = ::dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &id);
    if (size <= 0) return;
    const auto* begin = static_cast<const std::byte*>(id);
    const Bytes build_id(begin, begin + size);
    elf_ = common_parts_of(build_id, name != nullptr ? name : "", path);
    if (!elf_ || !unpacks_sanely(*elf_)) return;
    dwarf_.reset(::dwarf_begin_elf(elf_->handle(), DWARF_C_READ, nullptr));
    if (dwarf_) ::dwarf_setalt(dwarf, dwarf_.get());
  }

 private:
  std::optional<ElfFile> elf_;
  DwarfHandle dwarf_;
};

bool mentions(const ElfFile& elf, std::size_t index, const Section& section, std::string_view text) {
  const std::string whole = std::string(text) + '\0';
  const auto has_text = [&](const char* data, std::size_t size) {
    return ::memmem(data, size, whole.data(), whole.size()) != nullptr;
  };
  if ((section.flags & SHF_COMPRESSED) == 0) {
    const Content content = elf.content(section);
    return has_text(content.text().data(), content.size());
  }
  Elf_Scn* const packed = ::elf_getscn(elf.handle(), index);
  if (packed == nullptr || ::elf_compress(packed, 0, 0) < 0) return false;
  const Elf_Data* const data = ::elf_rawdata(packed, nullptr);
  return data != nullptr && data->d_buf != nullptr && has_text(static_cast<const char*>(data->d_buf), data->d_size);
}

}  // namespace

bool unpacks_sanely(const ElfFile& elf) {
  // DWARF gets some ten times as small, never a hundred times.
  constexpr std::uint64_t most_times = 100;
  constexpr std::uint64_t always = std::uint64_t{1} << 20;
  for (Elf_Scn* scn = nullptr; (scn = ::elf_nextscn(elf.handle(), scn)) != nullptr;) {
    GElf_Shdr header;
    if (::gelf_getshdr(scn, &header) == nullptr) return false;
    GElf_Chdr compressed;
    std::uint64_t claimed = 0;
    if ((header.sh_flags & SHF_COMPRESSED) != 0) {
      if (::gelf_getchdr(scn, &compressed) == nullptr) return false;
      claimed = compressed.ch_size;
    } else if (const ssize_t size = ::dwelf_scn_gnu_compressed_size(scn); size > 0) {
      claimed = static_cast<std::uint64_t>(size);
    }
    if (claimed > always && claimed / most_times > header.sh_size) return false;
  }
  return true;
}

bool dwarf_may_name(const ElfFile& elf, std::string_view name) {
  bool strings = false;
  const auto sections = elf.sections();
  if (!unpacks_sanely(elf)) return false;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    // What dwz moved elsewhere is in none of them; the old form of compressed sections is not worth looking into.
    if (sections[i].name == ".gnu_debugaltlink" || sections[i].name == ".zdebug_str") return true;
    if (sections[i].name != ".debug_str") continue;
    strings = true;
    if (mentions(elf, i, sections[i], name)) return true;
  }
  // A name that is as short as its place among the strings would be stands where it is used, as in old DWARF all do.
  constexpr std::size_t reference = 8;
  if (strings && name.size() >= reference) return false;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if (sections[i].name == ".zdebug_info") return true;
    if (sections[i].name == ".debug_info" && mentions(elf, i, sections[i], name)) return true;
  }
  return false;
}

FileSymbols dwarf_symbols_of(const ElfFile& elf, const std::string& path) {
  if (!unpacks_sanely(elf)) return {};
  std::size_t most_entries = 0;
  for (const Section& section : elf.sections()) {
    // Each entry has a byte at least; compressed ones have more of them.
    constexpr std::size_t unpacked = 100;
    if (section.name == ".debug_info")
      most_entries += section.size * ((section.flags & SHF_COMPRESSED) != 0 ? unpacked : 1);
    if (section.name == ".zdebug_info") most_entries += section.size * unpacked;
  }
  if (most_entries == 0) return {};
  const DwarfHandle dwarf(::dwarf_begin_elf(elf.handle(), DWARF_C_READ, nullptr));
  if (!dwarf) return {};
  const CommonParts common(dwarf.get(), path);
  return Reader(dwarf.get(), most_entries).read();
}

}  // namespace trapline::symbols
