#pragma once

#include <optional>
#include <vector>

#include <trapline/maps.hpp>

#include "core/memory_windows.hpp"
#include "core/modules.hpp"
#include "symbols/call_frames.hpp"
#include "symbols/elf_facts.hpp"

namespace trapline::core {

class Process;

/// Any thread. Throws UsageError before the first run and ProcessGone after the process's death.
[[nodiscard]] MemoryMaps memory_maps(const Process& process);
/// The same of one mapping, which is cheap also where there are very many.
[[nodiscard]] std::optional<MemoryMap> map_at(const Process& process, Address address);
/// What of a range of anonymous memory the process has ever touched; nothing where the kernel cannot tell.
[[nodiscard]] std::optional<std::vector<Range>> touched_ranges(const Process& process, const Range& range);
/// What is loaded at this moment; usable while the process object lives.
[[nodiscard]] Modules modules_of(Process& process);
/// The call frame information of a loaded file; nullptr when it cannot be read.
[[nodiscard]] std::shared_ptr<const symbols::CallFrames> load_call_frames(Process& process, const Module& module);
/// What a loaded library's file says of itself; nullptr when it cannot be read.
[[nodiscard]] std::shared_ptr<const ElfFacts> load_elf_facts(Process& process, const Module& module);
/// What its DWARF tells of the source; nullptr without any.
[[nodiscard]] std::shared_ptr<const symbols::DebugInfo> load_debug_info(Process& process, const Module& module);

}  // namespace trapline::core
