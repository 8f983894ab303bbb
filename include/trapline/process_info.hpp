#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trapline/file_descriptor.hpp>
#include <trapline/process_facts.hpp>
#include <trapline/types.hpp>

namespace trapline {

namespace core {
class Process;
}

/// What the kernel tells of a process in /proc, as it is at each call. Whatever belongs to the process is what that
/// very one has, also when it executes another program or its id is taken by another process meanwhile.
///
/// All calls work from any thread, whether the process runs or rests. They throw UsageError before the first run,
/// ProcessGone once it is dead or detached, and OsError for what the host may not look at.
class TRAPLINE_API ProcessInfo {
 public:
  /// What the kernel told the program at its exec.
  [[nodiscard]] AuxiliaryVector auxv() const;
  /// Its open file descriptors in ascending order; one that it closes meanwhile may be missing.
  [[nodiscard]] std::vector<FileDescriptor> file_descriptors() const;
  /// One of them; nothing when it is not open.
  [[nodiscard]] std::optional<FileDescriptor> file_descriptor(int number) const;

  /// Its arguments as they are in its memory now; programs that title themselves (setproctitle) have others.
  [[nodiscard]] std::vector<std::string> command_line() const;
  /// The strings of its environment as they were at its exec, in their order: any bytes, also without a `=`. What
  /// setenv(3) changed since is not in it.
  [[nodiscard]] std::vector<std::string> environment() const;
  /// The value of a variable in it, the first of that name.
  [[nodiscard]] std::optional<std::string> environment(std::string_view name) const;

  [[nodiscard]] LinkedFile executable() const;
  [[nodiscard]] LinkedFile working_directory() const;
  [[nodiscard]] LinkedFile root() const;
  [[nodiscard]] std::vector<LimitInForce> limits() const;
  [[nodiscard]] std::vector<NamespaceId> namespaces() const;
  /// Those of its main thread; the kernel has them for each thread.
  [[nodiscard]] Credentials credentials() const;
  [[nodiscard]] ProcessIds ids() const;

  /// Its living threads, the main thread first; also those whose birth was not reported yet.
  [[nodiscard]] std::vector<ThreadInfo> threads() const;

  /// For trapline itself: handles come from Process::info.
  explicit ProcessInfo(std::shared_ptr<core::Process> process);

 private:
  std::shared_ptr<core::Process> process_;
};

}  // namespace trapline
