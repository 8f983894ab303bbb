#pragma once

#include <string>
#include <vector>

#include "core/process.hpp"

namespace trapline::core {

/// At the end of a process: why traps of its own that never fired may not have, a line each.
[[nodiscard]] std::vector<std::string> hints(Process& process);
/// Logs them, and hands what was seen to the parent, whose traps the process may have had. Once.
void tell_hints(Process& process);

}  // namespace trapline::core
