#pragma once

#include <trapline/maps.hpp>

#include "core/modules.hpp"
#include "symbols/call_frames.hpp"

namespace trapline::core {

class Process;

/// Any thread. Throws UsageError before the first run and ProcessGone after the process's death.
[[nodiscard]] MemoryMaps memory_maps(const Process& process);
/// What is loaded at this moment; usable while the process object lives.
[[nodiscard]] Modules modules_of(Process& process);
/// The call frame information of a loaded file; nullptr when it cannot be read.
[[nodiscard]] std::shared_ptr<const symbols::CallFrames> load_call_frames(Process& process, const Module& module);
/// What its DWARF tells of the source; nullptr without any.
[[nodiscard]] std::shared_ptr<const symbols::DebugInfo> load_debug_info(Process& process, const Module& module);

}  // namespace trapline::core
