#pragma once

#include <trapline/types.hpp>

namespace trapline::core {

class Process;

/// The address of a syscall instruction in executable memory of the process, in its vDSO where possible; throws
/// UsageError when it has none.
[[nodiscard]] Address find_syscall_site(Process& process);

}  // namespace trapline::core
