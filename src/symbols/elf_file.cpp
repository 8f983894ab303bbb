#include "symbols/elf_file.hpp"

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include <trapline/error.hpp>

#include "symbols/frame_image.hpp"

namespace trapline::symbols {
namespace {

/// libelf knows no file format before it was asked for its version.
void prepare_libelf() {
  static const unsigned version = ::elf_version(EV_CURRENT);
  if (version == EV_NONE) throw SymbolError("libelf is older than its header");
}

[[noreturn]] void throw_elf_error() {
  const char* message = ::elf_errmsg(-1);
  throw SymbolError(std::string("not an ELF file: ") + (message != nullptr ? message : "unknown error"));
}

/// Whether a symbol stands for a place in memory. Thread-local ones are offsets, absolute ones names of versions.
bool is_place(const GElf_Sym& symbol) {
  if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx == SHN_ABS || symbol.st_shndx == SHN_COMMON) return false;
  switch (GELF_ST_TYPE(symbol.st_info)) {
    case STT_NOTYPE:
    case STT_OBJECT:
    case STT_FUNC:
    case STT_GNU_IFUNC: return true;
    default: return false;
  }
}

/// `$x`, `$d` and the like tell a disassembler of AArch64 what follows.
bool is_mapping_symbol(std::string_view name, unsigned machine) {
  return (machine == EM_AARCH64 || machine == EM_ARM) && name.size() >= 2 && name[0] == '$' &&
         std::string_view("xdat").find(name[1]) != std::string_view::npos && (name.size() == 2 || name[2] == '.');
}

Binding binding_of(const GElf_Sym& symbol) {
  switch (GELF_ST_BIND(symbol.st_info)) {
    case STB_LOCAL: return Binding::local;
    case STB_WEAK: return Binding::weak;
    default: return Binding::global;
  }
}

struct Section {
  GElf_Shdr header{};
  Elf_Scn* handle = nullptr;
};

/// Takes the symbol sections of one file apart.
class Reader {
 public:
  explicit Reader(Elf* elf) {
    GElf_Ehdr header;
    if (::gelf_getehdr(elf, &header) != nullptr) machine_ = header.e_machine;
    sections_.emplace_back();
    for (Elf_Scn* scn = nullptr; (scn = ::elf_nextscn(elf, scn)) != nullptr;) {
      Section section{.handle = scn};
      if (::gelf_getshdr(scn, &section.header) == nullptr) throw_elf_error();
      sections_.push_back(section);
    }
  }

  FileSymbols read() {
    for (const Section& section : sections_) {
      if (section.header.sh_type == SHT_SYMTAB || section.header.sh_type == SHT_DYNSYM) read_section(section);
    }
    return std::move(result_);
  }

 private:
  void read_section(const Section& section) {
    const bool dynamic = section.header.sh_type == SHT_DYNSYM;
    Elf_Data* data = ::elf_getdata(section.handle, nullptr);
    if (data == nullptr || section.header.sh_entsize == 0 || section.header.sh_link >= sections_.size()) return;
    const Elf_Data* strings = ::elf_getdata(sections_[section.header.sh_link].handle, nullptr);
    if (strings == nullptr || strings->d_buf == nullptr) return;
    if (!dynamic) result_.stripped = false;
    names_start_ = result_.names.size();
    result_.names.append(static_cast<const char*>(strings->d_buf), strings->d_size);
    Elf_Data* versions = dynamic ? version_data() : nullptr;
    const std::size_t count = data->d_size / section.header.sh_entsize;
    result_.symbols.reserve(result_.symbols.size() + count);
    for (std::size_t i = 0; i < count; ++i) {
      GElf_Sym symbol;
      GElf_Versym version = 0;
      if (::gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) break;
      if (versions != nullptr) ::gelf_getversym(versions, static_cast<int>(i), &version);
      constexpr GElf_Versym hidden = 0x8000;
      add(symbol, (version & hidden) != 0);
    }
  }

  Elf_Data* version_data() const {
    const auto found =
        std::ranges::find(sections_, Elf64_Word{SHT_GNU_versym}, [](const Section& s) { return s.header.sh_type; });
    return found != sections_.end() ? ::elf_getdata(found->handle, nullptr) : nullptr;
  }

  void add(const GElf_Sym& symbol, bool old_version) {
    if (!is_place(symbol)) return;
    const std::size_t at = names_start_ + symbol.st_name;
    if (symbol.st_name == 0 || at >= result_.names.size()) return;
    std::string_view name = std::string_view(result_.names).substr(at);
    name = name.substr(0, name.find('\0'));
    // .symtab tells the version in the name: `foo@@V` is the current one, `foo@V` an old one.
    if (const std::size_t mark = name.find('@', 1); mark != std::string_view::npos) {
      old_version = name.substr(mark, 2) != "@@";
      name = name.substr(0, mark);
    }
    if (name.empty() || is_mapping_symbol(name, machine_)) return;
    result_.symbols.push_back({.address = symbol.st_value,
                               .size = symbol.st_size,
                               .room = room_of(symbol),
                               .name = static_cast<std::uint32_t>(at),
                               .name_size = static_cast<std::uint32_t>(name.size()),
                               .binding = binding_of(symbol),
                               .old_version = old_version,
                               .indirect = GELF_ST_TYPE(symbol.st_info) == STT_GNU_IFUNC});
  }

  std::uint64_t room_of(const GElf_Sym& symbol) const {
    if (symbol.st_shndx >= sections_.size()) return 0;
    const GElf_Shdr& section = sections_[symbol.st_shndx].header;
    const std::uint64_t end = section.sh_addr + section.sh_size;
    return symbol.st_value >= section.sh_addr && symbol.st_value < end ? end - symbol.st_value : 0;
  }

  unsigned machine_ = EM_NONE;
  std::vector<Section> sections_;
  FileSymbols result_;
  std::size_t names_start_ = 0;
};

}  // namespace

void ElfFile::End::operator()(Elf* elf) const { ::elf_end(elf); }

ElfFile::ElfFile(support::Fd file) : file_(std::move(file)) {
  prepare_libelf();
  elf_.reset(::elf_begin(file_.get(), ELF_C_READ, nullptr));
  if (!elf_ || ::elf_kind(elf_.get()) != ELF_K_ELF) throw_elf_error();
}

ElfFile::ElfFile(Bytes image) : image_(std::move(image)) {
  prepare_libelf();
  elf_.reset(::elf_memory(reinterpret_cast<char*>(image_.data()), image_.size()));
  if (!elf_ || ::elf_kind(elf_.get()) != ELF_K_ELF) throw_elf_error();
}

std::vector<Segment> ElfFile::segments() const {
  std::vector<Segment> segments;
  std::size_t count = 0;
  if (::elf_getphdrnum(elf_.get(), &count) != 0) throw_elf_error();
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (::gelf_getphdr(elf_.get(), static_cast<int>(i), &header) == nullptr) throw_elf_error();
    if (header.p_type == PT_LOAD) segments.push_back({header.p_offset, header.p_vaddr, header.p_memsz});
  }
  return segments;
}

FileSymbols ElfFile::symbols() const { return Reader(elf_.get()).read(); }

Bytes ElfFile::frame_image() const { return symbols::frame_image(elf_.get()); }

}  // namespace trapline::symbols
