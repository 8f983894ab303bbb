#pragma once

#include "os/spawn.hpp"

namespace trapline::os {

/// Throws OsError that says which step failed, on what, and what can be done about it.
[[noreturn]] void explain_spawn_failure(const SpawnFailure& what, const SpawnRequest& request);

}  // namespace trapline::os
