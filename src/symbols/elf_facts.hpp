#pragma once

#include <memory>
#include <string>

#include <trapline/elf_facts.hpp>

#include "support/fd.hpp"

struct Elf;

namespace trapline::symbols {

/// What an ELF file says of itself. Parts that are damaged are left out.
[[nodiscard]] ElfFacts elf_facts(Elf* elf);

/// The facts of a file, read once for as long as the file stays the same; nullptr when it cannot be read or is no ELF
/// file. Any thread.
[[nodiscard]] std::shared_ptr<const ElfFacts> facts_of_file(const std::string& path);
/// The same of an image of a whole file.
[[nodiscard]] std::shared_ptr<const ElfFacts> facts_of_image(Bytes image);

}  // namespace trapline::symbols
