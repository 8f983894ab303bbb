#include "symbols/debug_image.hpp"

#include <elf.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "symbols/byte_reader.hpp"
#include "symbols/section_image.hpp"

namespace trapline::symbols {
namespace {

// libdw reads every section of debug information that it finds when it opens a file; these are all that is needed.
constexpr std::array<std::string_view, 9> wanted{
    ".debug_info", ".debug_abbrev", ".debug_line",     ".debug_line_str",    ".debug_str",
    ".debug_addr", ".debug_ranges", ".debug_rnglists", ".debug_str_offsets",
};

/// The name that a section has when it is not compressed in the old way; empty for one that is not wanted.
std::string_view wanted_name(std::string_view name) {
  constexpr std::string_view compressed = ".zdebug_";
  const bool old_way = name.starts_with(compressed);
  for (const std::string_view one : wanted) {
    if (name == one || (old_way && name.substr(compressed.size()) == one.substr(std::string_view(".debug_").size()))) {
      return one;
    }
  }
  return {};
}

void collect(Elf_Scn* scn, std::string_view name, const GElf_Shdr& header, std::vector<ImageSection>& sections) {
  const std::string_view plain = wanted_name(name);
  // One of each: a damaged file may have any number that all cover it as a whole.
  if (plain.empty() || std::ranges::find(sections, plain, &ImageSection::name) != sections.end()) return;
  // libelf refuses a size that cannot come out of what is there.
  if (plain != name && ::elf_compress_gnu(scn, 0, 0) < 0) return;
  if ((header.sh_flags & SHF_COMPRESSED) != 0 && ::elf_compress(scn, 0, 0) < 0) return;
  const ByteView content = raw_content(scn);
  if (!content.empty()) sections.push_back({.name = std::string(plain), .content = content});
}

void read_alternate(Elf_Scn* scn, DebugImage& result) {
  ByteReader reader(raw_content(scn));
  result.alternate_path = reader.string();
  const ByteView id = reader.rest();
  result.alternate_id.assign(id.begin(), id.end());
}

std::vector<AddressRange> code_of(Elf* elf) {
  std::vector<AddressRange> code;
  std::size_t count = 0;
  if (::elf_getphdrnum(elf, &count) != 0) return code;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (::gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr) break;
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0 || header.p_memsz == 0) continue;
    if (header.p_vaddr + header.p_memsz > header.p_vaddr) {
      code.push_back({header.p_vaddr, header.p_vaddr + header.p_memsz});
    }
  }
  return code;
}

}  // namespace

DebugImage debug_image(Elf* elf) {
  DebugImage result;
  GElf_Ehdr header;
  std::size_t names = 0;
  if (::gelf_getehdr(elf, &header) == nullptr || header.e_ident[EI_DATA] != ELFDATA2LSB) return result;
  // Another kind of file is not what a process has mapped.
  if ((header.e_type != ET_EXEC && header.e_type != ET_DYN) || ::elf_getshdrstrndx(elf, &names) != 0) return result;
  std::vector<ImageSection> sections;
  for (Elf_Scn* scn = nullptr; (scn = ::elf_nextscn(elf, scn)) != nullptr;) {
    GElf_Shdr section;
    if (::gelf_getshdr(scn, &section) == nullptr || section.sh_type == SHT_NOBITS) continue;
    const char* name = ::elf_strptr(elf, names, section.sh_name);
    if (name == nullptr) continue;
    if (std::string_view(name) == ".gnu_debugaltlink") read_alternate(scn, result);
    collect(scn, name, section, sections);
  }
  const bool useful = std::ranges::find(sections, ".debug_info", &ImageSection::name) != sections.end();
  if (!useful) return {};
  result.code = code_of(elf);
  result.image = write_section_image(header, std::move(sections));
  return result;
}

}  // namespace trapline::symbols
