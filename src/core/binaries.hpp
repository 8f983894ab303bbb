#pragma once

#include <vector>

#include <trapline/elf.hpp>

namespace trapline::core {

class Process;

// Any thread. Throw UsageError before the first run and ProcessGone after the process's death.

/// The program's own file; throws OsError when it cannot be read.
[[nodiscard]] ElfFile binary_of(Process& process);
/// The files of the libraries that are loaded, without those that cannot be read.
[[nodiscard]] std::vector<ElfFile> libraries_of(Process& process);

}  // namespace trapline::core
