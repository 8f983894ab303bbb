#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <trapline/process_facts.hpp>
#include <trapline/types.hpp>

namespace trapline::os {

// All of these throw ProcessGone when the process or thread has vanished, and OsError when it may not be looked at.

/// The threads of a process, in the kernel's order: the oldest first. One that dies meanwhile may be among them.
[[nodiscard]] std::vector<pid_t> list_threads(pid_t pid);
struct Parentage {
  pid_t pid = 0;
  pid_t parent = 0;
  bool zombie = false;
};
/// All processes that can be seen.
[[nodiscard]] std::vector<Parentage> list_processes();
/// Whether `tid` is a thread of the process; false when it is gone.
[[nodiscard]] bool same_process(pid_t pid, pid_t tid);

/// Tells one pid namespace from another.
using PidNamespace = std::pair<dev_t, ino_t>;
[[nodiscard]] PidNamespace pid_namespace(pid_t tid);

/// Whether two processes have one memory (vfork, CLONE_VM) and not a copy of it.
[[nodiscard]] bool share_memory(pid_t one, pid_t other);

using trapline::SeccompMode;

/// What /proc/TID/status says of one thread. Signal sets have bit N-1 for signal N.
struct ThreadStatus {
  char state = '?';
  pid_t tgid = 0;
  /// What its own pid namespace calls the process.
  pid_t own_tgid = 0;
  /// And the thread.
  pid_t own_tid = 0;
  pid_t parent = 0;
  /// 0 when nobody traces it.
  pid_t tracer = 0;
  uid_t real_uid = 0;
  uid_t effective_uid = 0;
  mode_t umask = 0;
  bool no_new_privileges = false;
  /// The effective ones; bit N for capability N.
  std::uint64_t capabilities = 0;
  SeccompMode seccomp = SeccompMode::none;
  /// How many filters judge it; Linux 5.9 and later tell.
  std::optional<unsigned> seccomp_filters{};
  std::uint64_t pending = 0;
  std::uint64_t process_pending = 0;
  std::uint64_t blocked = 0;
  std::uint64_t ignored = 0;
  std::uint64_t caught = 0;
};

[[nodiscard]] ThreadStatus read_status(pid_t tid);
[[nodiscard]] ThreadStatus parse_status(std::string_view text);
/// The letter of proc(5): 'R', 'S', 'D', 't', 'T', 'Z', ...
[[nodiscard]] char thread_state(pid_t tid);

/// Whether the process has a handler for the signal.
[[nodiscard]] bool catches_signal(pid_t tid, int signal);
[[nodiscard]] bool blocks_signal(pid_t tid, int signal);
/// Whether the strict mode or more seccomp filters than those that it `inherited` judge the thread's syscalls.
[[nodiscard]] bool has_own_filters(pid_t tid, unsigned inherited);
/// How many seccomp filters judge the calling thread, and so whatever it spawns; 0 when the kernel does not tell.
[[nodiscard]] unsigned filters_to_inherit();

/// What the kernel told the program at its exec (getauxval(3)), of 32-bit and 64-bit programs alike.
class AuxiliaryVector {
 public:
  struct Entry {
    std::uint64_t type = 0;
    std::uint64_t value = 0;
  };

  explicit AuxiliaryVector(std::string_view text);
  [[nodiscard]] std::optional<std::uint64_t> find(std::uint64_t type) const;
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

[[nodiscard]] AuxiliaryVector read_auxiliary_vector(pid_t pid);

/// The file that the process executes; " (deleted)" is appended by the kernel when it was unlinked.
[[nodiscard]] std::string executable_path(pid_t pid);
/// What a descriptor refers to: a path, or something like "pipe:[4711]"; nothing when it is not open.
[[nodiscard]] std::optional<std::string> descriptor_path(pid_t pid, int fd);
[[nodiscard]] std::string working_directory(pid_t pid);
/// The name that the thread goes by (at most 15 characters).
[[nodiscard]] std::string thread_name(pid_t tid);

/// kernel.yama.ptrace_scope; nothing when the kernel has no Yama.
[[nodiscard]] std::optional<int> ptrace_scope();
/// Why attaching to the thread was refused, and the remedy; empty when nothing is known.
[[nodiscard]] std::string explain_refused_attach(pid_t tid);

}  // namespace trapline::os
