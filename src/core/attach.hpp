#pragma once

#include <sys/types.h>

#include "core/process.hpp"

namespace trapline::core {

enum class AttachTo { process, tree };

/// Takes control of all threads of a running process and brings it to rest, and the same for all its descendants;
/// throws OsError with what forbids it. On the tracer thread.
void attach(Process& process, pid_t pid, AttachTo what);

}  // namespace trapline::core
