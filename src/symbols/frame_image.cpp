#include "symbols/frame_image.hpp"

#include <elf.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trapline::symbols {
namespace {

struct Section {
  std::string name;
  std::uint64_t address = 0;
  std::uint64_t flags = 0;
  Bytes content;
};

constexpr std::array<std::string_view, 3> wanted{".eh_frame", ".eh_frame_hdr", ".debug_frame"};

Bytes copy_of(const Elf_Data* data) {
  if (data == nullptr || data->d_buf == nullptr) return {};
  const auto* begin = static_cast<const std::byte*>(data->d_buf);
  return {begin, begin + data->d_size};
}

std::vector<Section> by_section_headers(Elf* elf) {
  std::vector<Section> sections;
  std::size_t names = 0;
  if (::elf_getshdrstrndx(elf, &names) != 0) return sections;
  for (Elf_Scn* scn = nullptr; (scn = ::elf_nextscn(elf, scn)) != nullptr;) {
    GElf_Shdr header;
    if (::gelf_getshdr(scn, &header) == nullptr || header.sh_type == SHT_NOBITS) continue;
    const char* name = ::elf_strptr(elf, names, header.sh_name);
    if (name == nullptr || std::ranges::find(wanted, name) == wanted.end()) continue;
    Bytes content = copy_of(::elf_rawdata(scn, nullptr));
    if (!content.empty()) sections.push_back({name, header.sh_addr, header.sh_flags, std::move(content)});
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

  [[nodiscard]] std::vector<Section> find() const {
    const auto header = std::ranges::find(headers_, Elf64_Word{PT_GNU_EH_FRAME}, &GElf_Phdr::p_type);
    if (header == headers_.end()) return {};
    Bytes index = read(header->p_offset, header->p_filesz);
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
    Bytes content = read(segment->p_offset + before, segment->p_filesz - before);
    if (content.empty()) return {};
    return {{".eh_frame", frames, SHF_ALLOC, std::move(content)},
            {".eh_frame_hdr", header->p_vaddr, SHF_ALLOC, std::move(index)}};
  }

 private:
  [[nodiscard]] Bytes read(std::uint64_t offset, std::uint64_t size) const {
    return copy_of(::elf_getdata_rawchunk(elf_, static_cast<std::int64_t>(offset), size, ELF_T_BYTE));
  }

  Elf* elf_;
  std::vector<GElf_Phdr> headers_;
};

template <class T>
void append(Bytes& image, const T& value) {
  const auto* begin = reinterpret_cast<const std::byte*>(&value);
  image.insert(image.end(), begin, begin + sizeof value);
}

void align(Bytes& image) {
  constexpr std::size_t alignment = 8;
  image.resize((image.size() + alignment - 1) / alignment * alignment);
}

template <class Header, class SectionHeader>
Bytes write_image(const GElf_Ehdr& original, std::vector<Section> sections) {
  Bytes image(sizeof(Header));
  std::string names(1, '\0');
  for (const Section& section : sections) names += section.name + '\0';
  const std::string_view own_name = ".shstrtab";
  Section name_section{.name = std::string(own_name), .content = {}};
  names += name_section.name + '\0';
  for (const char c : names) name_section.content.push_back(static_cast<std::byte>(c));
  sections.push_back(std::move(name_section));

  std::vector<SectionHeader> headers(1);
  headers.front() = {};
  std::size_t name = 1;
  for (const Section& section : sections) {
    align(image);
    SectionHeader header{};
    header.sh_name = static_cast<Elf64_Word>(name);
    header.sh_type = section.name == own_name ? SHT_STRTAB : SHT_PROGBITS;
    header.sh_flags = static_cast<decltype(header.sh_flags)>(section.flags);
    header.sh_addr = static_cast<decltype(header.sh_addr)>(section.address);
    header.sh_offset = static_cast<decltype(header.sh_offset)>(image.size());
    header.sh_size = static_cast<decltype(header.sh_size)>(section.content.size());
    header.sh_addralign = 8;
    headers.push_back(header);
    name += section.name.size() + 1;
    image.insert(image.end(), section.content.begin(), section.content.end());
  }
  align(image);
  Header header{};
  std::ranges::copy(original.e_ident, header.e_ident);
  header.e_type = original.e_type;
  header.e_machine = original.e_machine;
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof(Header);
  header.e_shoff = static_cast<decltype(header.e_shoff)>(image.size());
  header.e_shentsize = sizeof(SectionHeader);
  header.e_shnum = static_cast<Elf64_Half>(headers.size());
  header.e_shstrndx = static_cast<Elf64_Half>(headers.size() - 1);
  std::memcpy(image.data(), &header, sizeof header);
  for (const SectionHeader& one : headers) append(image, one);
  return image;
}

}  // namespace

Bytes frame_image(Elf* elf) {
  GElf_Ehdr header;
  if (::gelf_getehdr(elf, &header) == nullptr || header.e_ident[EI_DATA] != ELFDATA2LSB) return {};
  std::vector<Section> sections = by_section_headers(elf);
  if (sections.empty()) sections = BySegments(elf).find();
  if (sections.empty()) return {};
  return header.e_ident[EI_CLASS] == ELFCLASS64 ? write_image<Elf64_Ehdr, Elf64_Shdr>(header, std::move(sections))
                                                : write_image<Elf32_Ehdr, Elf32_Shdr>(header, std::move(sections));
}

}  // namespace trapline::symbols
