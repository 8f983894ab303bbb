#include "os/stolen.hpp"

#include <csignal>

#include <trapline/error.hpp>

#include "os/proc.hpp"
#include "os/ptrace.hpp"

namespace trapline::os {
namespace {

/// Rebuilds a stop's status from its siginfo (ptrace(2): the si_code of event and syscall stops is the status' upper
/// part).
WaitStatus status_of_stop(const siginfo_t& info) {
  const bool event = info.si_signo == SIGTRAP && info.si_code > 0 && (info.si_code & 0x7f) == SIGTRAP;
  return WaitStatus::stopped(event ? info.si_code : info.si_signo);
}

}  // namespace

std::optional<WaitStatus> stolen_status(pid_t tid) {
  try {
    if (thread_state(tid) != 't' || look_one(tid, Sleep::no)) return std::nullopt;
  } catch (const ProcessGone&) {
    return WaitStatus::lost();
  }
  try {
    return status_of_stop(signal_info(tid));
  } catch (const OsError&) {
    // Only a group-stop has none; which signal made it is not told either, and does not matter to whoever keeps it
    // stopped.
    return WaitStatus::stopped(static_cast<int>(WaitStatus::Event::stop) << 8 | SIGSTOP);
  } catch (const ProcessGone&) {
    return std::nullopt;
  }
}

}  // namespace trapline::os
