#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <trapline/process_facts.hpp>

#include "os/proc_directory.hpp"

namespace trapline::os {

/// What /proc/PID/stat says.
struct ProcessStat {
  std::string name;
  RunState state = RunState::unknown;
  ProcessIds ids;
  /// Past the point of its exit from which on it has no memory and no descriptors.
  bool exiting = false;
  std::uint64_t user_ticks = 0;
  std::uint64_t system_ticks = 0;
  int nice = 0;
  int cpu = 0;
};

[[nodiscard]] ProcessStat parse_stat(std::string_view text);
[[nodiscard]] Credentials parse_credentials(std::string_view status);
[[nodiscard]] std::vector<LimitInForce> parse_limits(std::string_view text);
/// The text of /proc/PID/syscall; nothing for a thread that runs or is in no call.
[[nodiscard]] std::optional<BlockedCall> parse_blocked_call(std::string_view text);
/// Strings that end with zero bytes, as in /proc/PID/environ; the last one may lack its end.
[[nodiscard]] std::vector<std::string> split_strings(std::string_view text);

[[nodiscard]] std::string_view auxiliary_name(std::uint64_t type);
[[nodiscard]] AuxiliaryKind auxiliary_kind(std::uint64_t type);

/// A link that leads to a file.
[[nodiscard]] LinkedFile read_linked_file(const ProcDirectory& process, const std::string& name);
[[nodiscard]] std::vector<NamespaceId> read_namespaces(const ProcDirectory& process);
/// All but the name of the call that it is blocked in, which depends on the architecture.
[[nodiscard]] ThreadInfo read_thread(const ProcDirectory& thread, pid_t tid);

}  // namespace trapline::os
