#pragma once

#include <optional>
#include <string>
#include <vector>

#include <trapline/file_descriptor.hpp>
#include <trapline/process_facts.hpp>

#include "os/proc_directory.hpp"
#include "support/function_ref.hpp"

namespace trapline::core {

class Process;
class ThreadState;

// What /proc tells of a process. Any thread, at any time. All throw UsageError before the first run and ProcessGone
// after the death.

/// Reads something through the folder of the process, and again through a thread's when its leader has exited before
/// that; what was read of one that is exiting is void. `pid` is whose folder it is.
void look_at(const Process& process, support::FunctionRef<void(const os::ProcDirectory& folder, pid_t pid)> read);

[[nodiscard]] AuxiliaryVector auxiliary_vector(Process& process);
[[nodiscard]] std::vector<ThreadInfo> thread_infos(const Process& process);
[[nodiscard]] ThreadInfo thread_info(const ThreadState& thread);
[[nodiscard]] std::string thread_name(const ThreadState& thread);

}  // namespace trapline::core
