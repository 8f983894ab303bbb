#pragma once

#include <optional>

#include <trapline/types.hpp>

#include "core/modules.hpp"

namespace trapline::core {

class Process;

/// The function that the dynamic loader calls when it has loaded or unloaded something (struct r_debug's r_brk,
/// link.h); nothing in a program without a loader.
[[nodiscard]] std::optional<Address> loader_event_address(Process& process, const Modules& modules);

}  // namespace trapline::core
