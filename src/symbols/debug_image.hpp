#pragma once

#include <string>
#include <vector>

#include <trapline/types.hpp>

struct Elf;

namespace trapline::symbols {

/// A piece of the addresses that a file was linked for.
struct AddressRange {
  Address low = 0;
  Address high = 0;
};

/// What of a file's DWARF tells about lines and functions, apart from the file.
struct DebugImage {
  /// An ELF image, see write_section_image(); empty when the file has no DWARF.
  Bytes image;
  /// Where code is: what DWARF tells about other places is of functions that the linker left out.
  std::vector<AddressRange> code;
  /// The path and build id of the file that dwz(1) moved common parts to; empty without one.
  std::string alternate_path;
  Bytes alternate_id;
};

[[nodiscard]] DebugImage debug_image(Elf* elf);

}  // namespace trapline::symbols
