#pragma once

#include <gelf.h>

#include <cstdint>
#include <string>
#include <vector>

#include <trapline/types.hpp>

namespace trapline::symbols {

/// A section to put into an image.
struct ImageSection {
  std::string name;
  std::uint64_t address = 0;
  std::uint64_t flags = 0;
  /// Must live until the image is written.
  ByteView content;
};

/// What a section holds as it is in the file; empty when it is not all there. It lives as long as the Elf.
[[nodiscard]] ByteView raw_content(Elf_Scn* section);

/// An ELF image that holds these sections and nothing else, with the class, machine and type of the original. Each
/// section is followed by zeros, so that no string runs out of it.
///
/// It lets go of the file and its descriptor, keeps what a cache holds small, and makes libdw take sections whose type
/// it does not expect. Nothing overlaps in it and nothing leads out of it, whatever the original's headers say.
[[nodiscard]] Bytes write_section_image(const GElf_Ehdr& original, std::vector<ImageSection> sections);

}  // namespace trapline::symbols
