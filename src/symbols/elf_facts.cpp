#include "symbols/elf_facts.hpp"

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include <trapline/error.hpp>

#include "support/bytes.hpp"
#include "symbols/elf_file.hpp"
#include "symbols/file_cache.hpp"
#include "symbols/mitigations.hpp"

namespace trapline::symbols {
namespace {

ElfType type_of(std::uint16_t type) {
  switch (type) {
    case ET_NONE: return ElfType::none;
    case ET_REL: return ElfType::relocatable;
    case ET_EXEC: return ElfType::executable;
    case ET_DYN: return ElfType::shared;
    case ET_CORE: return ElfType::core;
    default: return ElfType::other;
  }
}

bool names_string(std::int64_t tag) {
  switch (tag) {
    case DT_NEEDED:
    case DT_SONAME:
    case DT_RPATH:
    case DT_RUNPATH:
    case DT_AUXILIARY:
    case DT_FILTER:
    case DT_CONFIG:
    case DT_DEPAUDIT:
    case DT_AUDIT: return true;
    default: return false;
  }
}

std::span<const std::byte> bytes_of(const Elf_Data* data) {
  if (data == nullptr || data->d_buf == nullptr) return {};
  return {static_cast<const std::byte*>(data->d_buf), data->d_size};
}

/// No name or path that means anything is longer.
constexpr std::size_t longest_text = 4096;
/// What a hostile file can make us keep: all texts together, and all notes.
constexpr std::size_t most_text = std::size_t{16} << 20;
constexpr std::size_t most_notes = std::size_t{16} << 20;
constexpr std::size_t most_properties = 1024;

/// The string that begins at an offset of a string table, cut where it is too long; empty outside of the table.
std::string_view string_at(std::span<const std::byte> table, std::uint64_t offset) {
  const std::string_view text = support::as_text(table);
  if (offset >= text.size()) return {};
  const std::string_view tail = text.substr(offset, longest_text);
  return tail.substr(0, tail.find('\0'));
}

/// Reads one file. What lies outside of it, or has no sense, is passed over: only its header must be right.
class FactsReader {
 public:
  explicit FactsReader(Elf* elf) : elf_(elf) {}

  ElfFacts read() {
    read_header();
    read_segments();
    read_sections();
    read_dynamic();
    read_notes();
    read_names();
    return std::move(facts_);
  }

 private:
  void read_header() {
    GElf_Ehdr header;
    if (::gelf_getehdr(elf_, &header) == nullptr) throw SymbolError("not an ELF file: its header is damaged");
    facts_.elf_class = header.e_ident[EI_CLASS] == ELFCLASS32 ? ElfClass::bits32 : ElfClass::bits64;
    facts_.byte_order = header.e_ident[EI_DATA] == ELFDATA2MSB ? ByteOrder::big : ByteOrder::little;
    facts_.os_abi = header.e_ident[EI_OSABI];
    facts_.type = type_of(header.e_type);
    facts_.machine = header.e_machine;
    facts_.flags = header.e_flags;
    facts_.entry = header.e_entry;
  }

  void read_segments() {
    std::size_t count = 0;
    if (::elf_getphdrnum(elf_, &count) != 0) return;
    for (std::size_t i = 0; i < count; ++i) {
      GElf_Phdr header;
      if (::gelf_getphdr(elf_, static_cast<int>(i), &header) == nullptr) return;
      facts_.segments.push_back({.type = header.p_type,
                                 .flags = header.p_flags,
                                 .offset = header.p_offset,
                                 .address = header.p_vaddr,
                                 .physical_address = header.p_paddr,
                                 .file_size = header.p_filesz,
                                 .memory_size = header.p_memsz,
                                 .alignment = header.p_align});
      if (header.p_type != PT_INTERP || !facts_.interpreter.empty()) continue;
      const auto size = std::min<std::uint64_t>(header.p_filesz, longest_text);
      facts_.interpreter = string_at(bytes_of(chunk(header.p_offset, size, ELF_T_BYTE)), 0);
    }
  }

  void read_sections() {
    std::size_t names = 0;
    if (::elf_getshdrstrndx(elf_, &names) != 0) names = 0;
    Elf_Scn* first = ::elf_getscn(elf_, 0);
    for (Elf_Scn* scn = first; scn != nullptr; scn = ::elf_nextscn(elf_, scn)) {
      GElf_Shdr header;
      if (::gelf_getshdr(scn, &header) == nullptr) return;
      handles_.push_back(scn);
      const char* name = ::elf_strptr(elf_, names, header.sh_name);
      facts_.sections.push_back({.name = kept(name != nullptr ? name : std::string_view{}),
                                 .type = header.sh_type,
                                 .flags = header.sh_flags,
                                 .address = header.sh_addr,
                                 .offset = header.sh_offset,
                                 .size = header.sh_size,
                                 .link = header.sh_link,
                                 .info = header.sh_info,
                                 .alignment = header.sh_addralign,
                                 .entry_size = header.sh_entsize});
    }
    facts_.kernel_module =
        facts_.type == ElfType::relocatable && index_of(".modinfo") && index_of(".gnu.linkonce.this_module");
    if (const auto link = index_of(".gnu_debuglink")) facts_.debug_link = string_at(section_bytes(*link), 0);
  }

  /// A text to keep, as long as there are not too many.
  [[nodiscard]] std::string kept(std::string_view text) {
    text = text.substr(0, longest_text);
    if (text.size() > text_left_) return {};
    text_left_ -= text.size();
    return std::string(text);
  }

  [[nodiscard]] std::optional<std::size_t> index_of(std::string_view name) const {
    const auto found = std::ranges::find(facts_.sections, name, &ElfSection::name);
    if (found == facts_.sections.end()) return std::nullopt;
    return static_cast<std::size_t>(found - facts_.sections.begin());
  }

  [[nodiscard]] std::span<const std::byte> section_bytes(std::size_t index) const {
    if (index >= handles_.size() || facts_.sections[index].type == SHT_NOBITS) return {};
    return bytes_of(::elf_rawdata(handles_[index], nullptr));
  }

  /// A part of the file in the host's byte order; nullptr when it is not inside it.
  [[nodiscard]] Elf_Data* chunk(std::uint64_t offset, std::uint64_t size, Elf_Type type) const {
    if (size == 0 || offset > INT64_MAX || size > INT64_MAX) return nullptr;
    return ::elf_getdata_rawchunk(elf_, static_cast<std::int64_t>(offset), size, type);
  }

  /// Where in the file an address of the image is.
  [[nodiscard]] std::optional<std::uint64_t> offset_of(Address address) const {
    for (const ElfSegment& segment : facts_.segments) {
      if (segment.type != PT_LOAD || address < segment.address) continue;
      if (address - segment.address < segment.file_size) return segment.offset + (address - segment.address);
    }
    return std::nullopt;
  }

  void read_dynamic() {
    // By the program header, as the loader: section headers may be missing.
    const auto segment = std::ranges::find(facts_.segments, std::uint32_t{PT_DYNAMIC}, &ElfSegment::type);
    if (segment == facts_.segments.end()) return;
    // A file of separate debug information has the header and not what it leads to.
    const auto section = index_of(".dynamic");
    if (section && facts_.sections[*section].type == SHT_NOBITS) return;
    Elf_Data* data = chunk(segment->offset, segment->file_size, ELF_T_DYN);
    if (data == nullptr) return;
    const std::size_t count = data->d_size / ::gelf_fsize(elf_, ELF_T_DYN, 1, EV_CURRENT);
    for (std::size_t i = 0; i < count; ++i) {
      GElf_Dyn entry;
      if (::gelf_getdyn(data, static_cast<int>(i), &entry) == nullptr || entry.d_tag == DT_NULL) break;
      facts_.dynamic.push_back({.tag = entry.d_tag, .value = entry.d_un.d_val});
    }
    const auto strings = dynamic_strings();
    for (ElfDynamic& entry : facts_.dynamic) {
      if (!names_string(entry.tag)) continue;
      entry.text = kept(string_at(strings, entry.value));
      if (entry.tag == DT_NEEDED) facts_.needed.push_back(kept(entry.text));
      if (entry.tag == DT_SONAME) facts_.soname = entry.text;
    }
  }

  [[nodiscard]] std::uint64_t dynamic_value(std::int64_t tag) const {
    const auto found = std::ranges::find(facts_.dynamic, tag, &ElfDynamic::tag);
    return found != facts_.dynamic.end() ? found->value : 0;
  }

  [[nodiscard]] std::span<const std::byte> dynamic_strings() const {
    const auto offset = offset_of(dynamic_value(DT_STRTAB));
    return offset ? bytes_of(chunk(*offset, dynamic_value(DT_STRSZ), ELF_T_BYTE)) : std::span<const std::byte>{};
  }

  void read_notes() {
    // Those of a core file tell of its process.
    if (facts_.type == ElfType::core) return;
    bool by_segment = false;
    for (const ElfSegment& segment : facts_.segments) {
      if (segment.type != PT_NOTE) continue;
      by_segment = true;
      read_notes_of(segment.offset, segment.file_size, segment.alignment);
    }
    if (by_segment) return;
    // Objects have no segments.
    for (const ElfSection& section : facts_.sections) {
      if (section.type == SHT_NOTE) read_notes_of(section.offset, section.size, section.alignment);
    }
  }

  void read_notes_of(std::uint64_t offset, std::uint64_t size, std::uint64_t alignment) {
    if (size > notes_left_) return;
    Elf_Data* data = chunk(offset, size, alignment == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
    if (data == nullptr) return;
    notes_left_ -= size;
    const auto bytes = bytes_of(data);
    GElf_Nhdr header;
    std::size_t name = 0;
    std::size_t descriptor = 0;
    for (std::size_t at = 0; (at = ::gelf_getnote(data, at, &header, &name, &descriptor)) > 0;) {
      if (name > bytes.size() || descriptor > bytes.size() || header.n_descsz > bytes.size() - descriptor) return;
      const bool gnu =
          header.n_namesz == 4 && bytes.size() - name >= 4 && std::memcmp(bytes.data() + name, "GNU", 4) == 0;
      if (!gnu) continue;
      const auto content = bytes.subspan(descriptor, header.n_descsz);
      if (header.n_type == NT_GNU_BUILD_ID && facts_.build_id.empty()) {
        facts_.build_id.assign(content.begin(), content.end());
      }
      if (header.n_type == NT_GNU_PROPERTY_TYPE_0) read_properties(content);
    }
  }

  void read_properties(std::span<const std::byte> bytes) {
    const std::size_t alignment = facts_.elf_class == ElfClass::bits64 ? 8 : 4;
    const auto word = [&](std::size_t at) {
      const auto value = support::load<std::uint32_t>(bytes, at);
      return value && facts_.byte_order == ByteOrder::big ? std::optional(__builtin_bswap32(*value)) : value;
    };
    for (std::size_t at = 0;;) {
      const auto type = word(at);
      const auto size = word(at + 4);
      if (!type || !size || *size > bytes.size() - at - 8 || facts_.properties.size() == most_properties) return;
      const auto data = bytes.subspan(at + 8, *size);
      facts_.properties.push_back({.type = *type, .data = Bytes(data.begin(), data.end())});
      at += 8 + (*size + alignment - 1) / alignment * alignment;
    }
  }

  void read_names() {
    const bool has_dynamic_symbols = section_of(SHT_DYNSYM).has_value();
    const bool program = facts_.type == ElfType::executable || facts_.type == ElfType::shared;
    MitigationReader mitigations(facts_, program && !has_dynamic_symbols && facts_.needed.empty());
    for (const std::uint32_t type : {std::uint32_t{SHT_SYMTAB}, std::uint32_t{SHT_DYNSYM}}) {
      if (const auto section = section_of(type)) read_symbol_names(*section, mitigations);
    }
    // Without section headers: the names of the dynamic symbols are all in their table of strings.
    if (facts_.sections.size() <= 1) {
      const std::string_view names = support::as_text(dynamic_strings());
      for (std::size_t at = 0; at < names.size();) {
        const std::size_t end = std::min(names.find('\0', at), names.size());
        mitigations.add_name(names.substr(at, end - at), NameOf::import);
        at = end + 1;
      }
    }
    mitigations.finish();
  }

  [[nodiscard]] std::optional<std::size_t> section_of(std::uint32_t type) const {
    const auto found = std::ranges::find(facts_.sections, type, &ElfSection::type);
    if (found == facts_.sections.end()) return std::nullopt;
    return static_cast<std::size_t>(found - facts_.sections.begin());
  }

  void read_symbol_names(std::size_t index, MitigationReader& mitigations) {
    Elf_Data* symbols = ::elf_getdata(handles_[index], nullptr);
    if (symbols == nullptr || symbols->d_type != ELF_T_SYM) return;
    const auto names = section_bytes(facts_.sections[index].link);
    const std::size_t count = symbols->d_size / ::gelf_fsize(elf_, ELF_T_SYM, 1, EV_CURRENT);
    for (std::size_t i = 1; i < count; ++i) {
      GElf_Sym symbol;
      if (::gelf_getsym(symbols, static_cast<int>(i), &symbol) == nullptr) return;
      const bool imported = symbol.st_shndx == SHN_UNDEF;
      mitigations.add_name(string_at(names, symbol.st_name), imported ? NameOf::import : NameOf::definition);
    }
  }

  Elf* elf_;
  ElfFacts facts_;
  std::vector<Elf_Scn*> handles_;
  std::size_t text_left_ = most_text;
  std::size_t notes_left_ = most_notes;
};

template <class Source>
std::shared_ptr<const ElfFacts> build(Source source) {
  try {
    return std::make_shared<const ElfFacts>(ElfFile(std::move(source)).facts());
  } catch (const SymbolError&) {
    return nullptr;
  }
}

}  // namespace

ElfFacts elf_facts(Elf* elf) { return FactsReader(elf).read(); }

std::shared_ptr<const ElfFacts> facts_of_file(const std::string& path) {
  // Never destroyed: threads may still ask while the host's statics go.
  static auto* const cache = new FileCache<ElfFacts>(build<support::Fd>);
  return cache->get(path);
}

std::shared_ptr<const ElfFacts> facts_of_image(Bytes image) { return build(std::move(image)); }

}  // namespace trapline::symbols
