#pragma once

#include <string>
#include <string_view>

#include "symbols/file_symbols.hpp"

namespace trapline::symbols {

/// Whether the compressed sections of a file claim sizes that real ones can have: libdw unpacks them as they come.
[[nodiscard]] bool unpacks_sanely(const ElfFile& elf);
/// Whether the text may be the name of something in the DWARF of a file. Much quicker than reading it.
[[nodiscard]] bool dwarf_may_name(const ElfFile& elf, std::string_view name);
/// The functions and variables that have an address by the DWARF of a file, local ones of functions too: by their
/// linkage names where they have one, otherwise by their names with those of their namespaces. `path` is where the file
/// is, near which the one is that dwz moved common parts to.
[[nodiscard]] FileSymbols dwarf_symbols_of(const ElfFile& elf, const std::string& path);

}  // namespace trapline::symbols
