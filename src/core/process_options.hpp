#pragma once

#include <memory>
#include <optional>

#include "core/symbol_settings.hpp"

namespace trapline::core {

/// How a process is debugged; a child that is followed is debugged like its parent.
struct ProcessOptions {
  /// Whether a command for a running process interrupts it instead of waiting for its next stop.
  bool auto_interrupt = false;
  /// Unset: launched processes are killed at the end and attached ones let go.
  std::optional<bool> kill_on_exit{};
  bool follow_children = true;
  bool inherit_traps = false;
  /// Calls that nobody handles do not stop the processes that are launched.
  bool syscall_filter = false;
  /// The tracer thread and the tracees run on one CPU.
  bool one_cpu = false;
  bool vdso = true;
  std::shared_ptr<SymbolSettings> symbols = std::make_shared<SymbolSettings>();
};

}  // namespace trapline::core
