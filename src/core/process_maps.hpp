#pragma once

#include <trapline/maps.hpp>

#include "core/modules.hpp"

namespace trapline::core {

class Process;

/// Any thread. Throws UsageError before the first run and ProcessGone after the process's death.
[[nodiscard]] MemoryMaps memory_maps(const Process& process);
/// What is loaded at this moment; usable while the process object lives.
[[nodiscard]] Modules modules_of(Process& process);

}  // namespace trapline::core
