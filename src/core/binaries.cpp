#include "core/binaries.hpp"

#include <elf.h>
#include <fmt/format.h>

#include <trapline/error.hpp>

#include "core/process.hpp"
#include "core/process_facts.hpp"
#include "core/process_maps.hpp"
#include "os/process_facts.hpp"
#include "symbols/elf_facts.hpp"

namespace trapline::core {
namespace {

/// Where the entry point is, less where it was linked for.
std::optional<Address> base_of_program(Process& process, const ElfFacts& facts) {
  const auto entry = auxiliary_vector(process).find(AT_ENTRY);
  return entry ? std::optional(*entry - facts.entry) : std::nullopt;
}

}  // namespace

ElfFile binary_of(Process& process) {
  std::shared_ptr<const ElfFacts> facts;
  LinkedFile file;
  look_at(process, [&](const os::ProcDirectory& folder, pid_t) {
    file = os::read_linked_file(folder, "exe");
    facts = symbols::facts_of_file(fmt::format("/proc/self/fd/{}/exe", folder.fd()));
  });
  if (!facts) {
    throw SymbolError(file.path + ": the file of the program cannot be read, or is no ELF file");
  }
  const auto base = base_of_program(process, *facts);
  return {std::move(facts), std::move(file.path), base};
}

std::vector<ElfFile> libraries_of(Process& process) {
  std::vector<ElfFile> libraries;
  const Modules modules = modules_of(process);
  for (const Modules::File& file : modules.files()) {
    if (file.kind != Modules::Kind::library) continue;
    for (const Module& module : modules.load(file)) {
      if (auto facts = load_elf_facts(process, module)) {
        libraries.emplace_back(std::move(facts), module.path, module.bias);
      }
    }
  }
  return libraries;
}

}  // namespace trapline::core
