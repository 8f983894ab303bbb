#pragma once

#include "symbols/file_symbols.hpp"

namespace trapline::symbols {

/// The places through which a file reaches what others define, which no table names: entries of its PLT (`puts@plt`),
/// known by the slot that each jumps through, and slots of its GOT (`puts@got`), known by their relocations. Of x86;
/// empty for other machines.
[[nodiscard]] FileSymbols linkage_of(const ElfFile& elf);

}  // namespace trapline::symbols
