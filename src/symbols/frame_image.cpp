#include "symbols/frame_image.hpp"

#include <elf.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include "symbols/section_image.hpp"

namespace trapline::symbols {
namespace {

constexpr std::array<std::string_view, 3> wanted{".eh_frame", ".eh_frame_hdr", ".debug_frame"};

std::vector<ImageSection> by_section_headers(Elf* elf) {
  std::vector<ImageSection> sections;
  std::size_t names = 0;
  if (::elf_getshdrstrndx(elf, &names) != 0) return sections;
  for (Elf_Scn* scn = nullptr; (scn = ::elf_nextscn(elf, scn)) != nullptr;) {
    GElf_Shdr header;
    if (::gelf_getshdr(scn, &header) == nullptr || header.sh_type == SHT_NOBITS) continue;
    const char* name = ::elf_strptr(elf, names, header.sh_name);
    if (name == nullptr || std::ranges::find(wanted, name) == wanted.end()) continue;
    // One of each: a damaged file may have any number that all cover it as a whole.
    if (std::ranges::find(sections, name, &ImageSection::name) != sections.end()) continue;
    const ByteView content = raw_content(scn);
    if (!content.empty()) sections.push_back({name, header.sh_addr, header.sh_flags, content});
  }
  return sections;
}

/// What the program headers know: where .eh_frame_hdr is, which begins with the place of .eh_frame.
class BySegments {
 public:
  explicit BySegments(Elf* elf) : elf_(elf) {
    std::size_t count = 0;
    if (::elf_getphdrnum(elf, &count) != 0) return;
    for (std::size_t i = 0; i < count; ++i) {
      GElf_Phdr header;
      if (::gelf_getphdr(elf, static_cast<int>(i), &header) != nullptr) headers_.push_back(header);
    }
  }

  [[nodiscard]] std::vector<ImageSection> find() const {
    const auto header = std::ranges::find(headers_, Elf64_Word{PT_GNU_EH_FRAME}, &GElf_Phdr::p_type);
    if (header == headers_.end()) return {};
    const ByteView index = read(header->p_offset, header->p_filesz);
    // Version 1, the pointer as four bytes relative to itself; nobody writes another encoding.
    constexpr std::byte version{1};
    constexpr std::byte relative_four_bytes{0x1b};
    std::int32_t distance = 0;
    if (index.size() < 8 || index[0] != version || index[1] != relative_four_bytes) return {};
    std::memcpy(&distance, &index[4], sizeof distance);
    const std::uint64_t frames = header->p_vaddr + 4 + static_cast<std::uint64_t>(std::int64_t{distance});
    const auto segment = std::ranges::find_if(headers_, [&](const GElf_Phdr& one) {
      return one.p_type == PT_LOAD && frames >= one.p_vaddr && frames - one.p_vaddr < one.p_filesz;
    });
    if (segment == headers_.end()) return {};
    const std::uint64_t before = frames - segment->p_vaddr;
    const ByteView content = read(segment->p_offset + before, segment->p_filesz - before);
    if (content.empty()) return {};
    return {{".eh_frame", frames, SHF_ALLOC, content}, {".eh_frame_hdr", header->p_vaddr, SHF_ALLOC, index}};
  }

 private:
  [[nodiscard]] ByteView read(std::uint64_t offset, std::uint64_t size) const {
    const Elf_Data* data = ::elf_getdata_rawchunk(elf_, static_cast<std::int64_t>(offset), size, ELF_T_BYTE);
    if (data == nullptr || data->d_buf == nullptr) return {};
    return {static_cast<const std::byte*>(data->d_buf), data->d_size};
  }

  Elf* elf_;
  std::vector<GElf_Phdr> headers_;
};

}  // namespace

Bytes frame_image(Elf* elf) {
  GElf_Ehdr header;
  if (::gelf_getehdr(elf, &header) == nullptr || header.e_ident[EI_DATA] != ELFDATA2LSB) return {};
  std::vector<ImageSection> sections = by_section_headers(elf);
  if (sections.empty()) sections = BySegments(elf).find();
  if (sections.empty()) return {};
  return write_section_image(header, std::move(sections));
}

}  // namespace trapline::symbols
