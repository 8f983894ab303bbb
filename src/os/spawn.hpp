#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace trapline::os {

/// What a new process takes from the thread that asked for it rather than from the thread that makes it.
struct SpawnContext {
  pid_t tid = 0;
  /// As the kernel has it: bit N-1 is signal N.
  std::uint64_t signal_mask = 0;
  int nice = 0;
  /// As sched_getaffinity(2) fills it.
  std::vector<std::byte> affinity;
};

/// That of the calling thread.
[[nodiscard]] SpawnContext capture_spawn_context();

struct SpawnLimit {
  int resource = 0;
  /// RLIM64_INFINITY (all ones) for none.
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

struct SpawnRequest {
  /// The file to execute, looked up by nobody; a relative one starts from the new process's directory.
  std::string path;
  std::vector<std::string> argv;
  /// "NAME=VALUE" each.
  std::vector<std::string> env;
  /// Empty: the directory of the thread that asked.
  std::string cwd;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::vector<SpawnLimit> limits;
  bool disable_aslr = false;
  /// The host's descriptors that are not close-on-exec stay open, beside 0, 1 and 2.
  bool keep_descriptors = false;
  /// Signals that the host ignores stay ignored.
  bool keep_ignored_signals = false;
  /// The host's descriptors that become 0, 1 and 2; -1 leaves the host's own in place.
  std::array<int, 3> stdio{-1, -1, -1};
  /// A terminal, open in the host, that becomes the controlling terminal of a session of its own.
  std::optional<int> controlling_tty;
  /// A seccomp filter that it gets before it executes the program, if it may; empty for none.
  std::vector<sock_filter> filter;
  SpawnContext context;
};

/// What a child does before its program begins, in this order.
enum class SpawnStep {
  none,
  new_session,
  controlling_tty,
  stdio,
  descriptors,
  directory,
  umask,
  personality,
  limits,
  nice,
  affinity,
  groups,
  gid,
  uid,
  signals,
  exec,
};

struct SpawnFailure {
  SpawnStep step = SpawnStep::none;
  int error = 0;
};

/// A child that waits to be released into its program, and the memory in which it runs until then.
///
/// Belongs on the thread that made it, which is the child's parent. Keep it until the child has executed its program or
/// died; the destructor kills and reaps a child that still runs in the host's memory, traced or not.
class Spawned {
 public:
  Spawned(Spawned&&) noexcept;
  Spawned& operator=(Spawned&&) noexcept;
  ~Spawned();

  [[nodiscard]] pid_t pid() const;
  /// Lets the child go on to its program.
  void release();
  /// True while the child still runs in the host's memory: it has neither executed its program nor died.
  [[nodiscard]] bool in_host_memory() const;
  /// Whether it got the filter.
  [[nodiscard]] bool filtered() const;
  /// What the child could not do; asked after it died before its exec.
  [[nodiscard]] std::optional<SpawnFailure> failure() const;
  /// Throws OsError that explains failure(); does nothing when there is none.
  void throw_failure() const;

 private:
  friend Spawned spawn(SpawnRequest request);
  struct State;
  explicit Spawned(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

/// Makes a process whose cost does not depend on how much memory the host has, without running a fork handler, a signal
/// handler or any libc code of the host in it. Throws OsError when the kernel refuses.
[[nodiscard]] Spawned spawn(SpawnRequest request);

}  // namespace trapline::os
