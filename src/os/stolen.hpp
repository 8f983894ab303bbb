#pragma once

#include <sys/types.h>

#include <optional>

#include "os/wait.hpp"

namespace trapline::os {

/// What became of a tracee that should be running, when another thread of the host took its status: a stop is told by
/// its siginfo, of a death no more is known than that. Nothing when it runs, or its status is still to be waited for.
[[nodiscard]] std::optional<WaitStatus> stolen_status(pid_t tid);

}  // namespace trapline::os
