#include "symbols/section_image.hpp"

#include <elf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace trapline::symbols {
namespace {

constexpr std::string_view names_section = ".shstrtab";

template <class T>
void append(Bytes& image, const T& value) {
  const auto* begin = reinterpret_cast<const std::byte*>(&value);
  image.insert(image.end(), begin, begin + sizeof value);
}

/// To the next multiple of 8, by one byte at least.
void pad(Bytes& image) {
  constexpr std::size_t alignment = 8;
  image.resize((image.size() / alignment + 1) * alignment);
}

template <class Header, class SectionHeader>
Bytes write(const GElf_Ehdr& original, std::vector<ImageSection> sections) {
  std::string names(1, '\0');
  for (const ImageSection& section : sections) names += section.name + '\0';
  names += std::string(names_section) + '\0';
  sections.push_back({.name = std::string(names_section), .content = std::as_bytes(std::span(names))});

  constexpr std::size_t padding = 16;
  std::size_t size = sizeof(Header) + padding + (sections.size() + 1) * sizeof(SectionHeader);
  for (const ImageSection& section : sections) size += section.content.size() + padding;
  Bytes image;
  image.reserve(size);
  image.resize(sizeof(Header));
  pad(image);
  std::vector<SectionHeader> headers(1);
  std::size_t name = 1;
  for (const ImageSection& section : sections) {
    SectionHeader header{};
    header.sh_name = static_cast<Elf64_Word>(name);
    header.sh_type = section.name == names_section ? SHT_STRTAB : SHT_PROGBITS;
    header.sh_flags = static_cast<decltype(header.sh_flags)>(section.flags);
    header.sh_addr = static_cast<decltype(header.sh_addr)>(section.address);
    header.sh_offset = static_cast<decltype(header.sh_offset)>(image.size());
    header.sh_size = static_cast<decltype(header.sh_size)>(section.content.size());
    header.sh_addralign = 8;
    headers.push_back(header);
    name += section.name.size() + 1;
    image.insert(image.end(), section.content.begin(), section.content.end());
    pad(image);
  }
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

ByteView raw_content(Elf_Scn* section) {
  const Elf_Data* data = ::elf_rawdata(section, nullptr);
  if (data == nullptr || data->d_buf == nullptr) return {};
  return {static_cast<const std::byte*>(data->d_buf), data->d_size};
}

Bytes write_section_image(const GElf_Ehdr& original, std::vector<ImageSection> sections) {
  return original.e_ident[EI_CLASS] == ELFCLASS64 ? write<Elf64_Ehdr, Elf64_Shdr>(original, std::move(sections))
                                                  : write<Elf32_Ehdr, Elf32_Shdr>(original, std::move(sections));
}

}  // namespace trapline::symbols
