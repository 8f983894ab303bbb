#pragma once

#include <sys/types.h>

#include <memory>

#include "core/process.hpp"
#include "os/spawn.hpp"

namespace trapline::core {

struct LaunchPlan {
  os::SpawnRequest request;
  bool continue_to_entry = true;
  Timeout kill_after{};
  /// Runs once the child has its copies of the streams.
  std::function<void()> spawned{};
};

/// Spawns a program under control and brings it to its entry point, or to its first instruction. It may be dead by
/// then: then its Stop tells. Throws what keeps it from being executed. On the tracer thread.
void launch(Process& process, LaunchPlan plan);

}  // namespace trapline::core
