#include <csignal>

#include "core/remote.hpp"
#include "core/thread_calls.hpp"
#include "os/ptrace.hpp"

// What an invocation has to know of its thread, and how long that is known.

namespace trapline::core {

bool Remote::can_trap() {
  // The SIGTRAP of a step or a trap is forced upon the thread: were it blocked, the kernel would unblock it and take
  // its handler away.
  if (!findings_.can_trap) findings_.can_trap = (os::signal_mask(thread_.tid) >> (SIGTRAP - 1) & 1) == 0;
  return *findings_.can_trap;
}

bool Remote::has_own_filters() {
  if (findings_.filtered) return *findings_.filtered;
  // Kept up to date for a thread whose calls are watched.
  const bool known = process_.wants_syscalls() && thread_.filtered;
  findings_.filtered = known ? *thread_.filtered : core::has_own_filters(thread_);
  return *findings_.filtered;
}

void Remote::forget_filters() {
  forget_findings();
  forget_filtered(process_);
}

void Remote::recall_findings() {
  const RemoteMemory& memory = process_.remote_memory();
  if (quiet_since_ && memory.found_in == thread_.tid && memory.found_at == *quiet_since_) findings_ = memory.findings;
}

void Remote::keep_findings() const {
  const auto epoch = process_.quiet_epoch();
  if (!epoch || !quiet_since_) return;
  RemoteMemory& memory = process_.remote_memory();
  memory.findings = findings_;
  memory.found_in = thread_.tid;
  memory.found_at = *epoch;
}

void Remote::forget_findings() {
  findings_ = {};
  quiet_since_.reset();
}

}  // namespace trapline::core
