#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trapline/types.hpp>

namespace trapline {

/// What a value of the auxiliary vector is.
enum class AuxiliaryKind { number, flags, address, string };

/// One entry of what the kernel told the program at its exec (getauxval(3)).
struct AuxiliaryEntry {
  /// AT_* of elf.h.
  std::uint64_t type = 0;
  std::uint64_t value = 0;
  /// `"AT_ENTRY"`; empty for a type that is not known.
  std::string_view name{};
  AuxiliaryKind kind = AuxiliaryKind::number;
  /// Of a `string`: what is at that address (AT_EXECFN, AT_PLATFORM).
  std::string text{};
};

/// The auxiliary vector in the program's order, without its end mark.
struct TRAPLINE_API AuxiliaryVector {
  std::vector<AuxiliaryEntry> entries{};

  /// The value of the type (`AT_ENTRY` of elf.h).
  [[nodiscard]] std::optional<std::uint64_t> find(std::uint64_t type) const;
  [[nodiscard]] auto begin() const { return entries.begin(); }
  [[nodiscard]] auto end() const { return entries.end(); }
};

/// What a symbolic link of /proc/PID leads to.
struct LinkedFile {
  /// As the process sees it, below its own root; without the kernel's remark about a deletion.
  std::string path{};
  /// It was unlinked or replaced since.
  bool deleted = false;
};

/// A resource limit in force (getrlimit(2)); unset means unlimited.
struct LimitInForce {
  /// RLIMIT_* of sys/resource.h; -1 for one that is not known.
  int resource = -1;
  /// As in /proc/PID/limits: `"Max open files"`.
  std::string name{};
  std::optional<std::uint64_t> soft{};
  std::optional<std::uint64_t> hard{};
  /// `"bytes"`, `"files"`, `"seconds"`; empty where there is none.
  std::string unit{};
};

/// A namespace that a process is in; two processes share it when the numbers are equal.
struct NamespaceId {
  /// The link's name: `"net"`, `"mnt"`, `"pid_for_children"`.
  std::string name{};
  std::uint64_t inode = 0;
};

/// Of users or of groups.
struct IdSet {
  std::uint32_t real = 0;
  std::uint32_t effective = 0;
  std::uint32_t saved = 0;
  std::uint32_t file_system = 0;
};

/// Sets of capabilities (capabilities(7)): bit N for capability N.
struct CapabilitySets {
  std::uint64_t inheritable = 0;
  std::uint64_t permitted = 0;
  std::uint64_t effective = 0;
  std::uint64_t bounding = 0;
  std::uint64_t ambient = 0;
};

enum class SeccompMode { none = 0, strict = 1, filter = 2 };

/// As whom a process acts, and what it may do.
struct Credentials {
  IdSet uid{};
  IdSet gid{};
  std::vector<gid_t> groups{};
  CapabilitySets capabilities{};
  bool no_new_privileges = false;
  SeccompMode seccomp = SeccompMode::none;
  /// How many seccomp filters judge it; Linux 5.9 and later tell.
  std::optional<unsigned> seccomp_filters{};
};

/// What a thread does, as the kernel's scheduler sees it.
enum class RunState {
  running,     ///< on a CPU, or ready for one
  sleeping,    ///< waits, and a signal wakes it
  disk_sleep,  ///< waits, and no signal wakes it
  stopped,     ///< by a signal
  traced,      ///< at rest for its tracer
  idle,        ///< a kernel thread without work
  parked,      ///< likewise, put aside
  zombie,      ///< dead, and not waited for yet
  dead,
  unknown,
};

/// The syscall that a thread is blocked in.
struct BlockedCall {
  std::int64_t number = 0;
  /// In the table of the program's ABI; empty for a number that is not in it.
  std::string name{};
  std::array<std::uint64_t, 6> arguments{};
  Address stack_pointer = 0;
  Address pc = 0;
};

/// A thread as /proc shows it.
struct ThreadInfo {
  pid_t tid = 0;
  /// At most 15 bytes, any of them.
  std::string name{};
  RunState state = RunState::unknown;
  /// Unset while it runs or is in no call, and where the kernel does not tell.
  std::optional<BlockedCall> syscall{};
  /// The kernel's function that it waits in; empty where the kernel does not tell.
  std::string wait_channel{};
  std::chrono::nanoseconds user_time{};
  std::chrono::nanoseconds system_time{};
  int nice = 0;
  /// The CPU that it ran on last.
  int cpu = 0;
};

/// Who belongs to whom.
struct ProcessIds {
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  /// The thread that traces it: ours.
  pid_t tracer = 0;
};

[[nodiscard]] TRAPLINE_API std::string_view to_string(RunState state);
/// `"CAP_SYS_PTRACE"`; empty for a bit that is not known.
[[nodiscard]] TRAPLINE_API std::string_view capability_name(unsigned capability);

}  // namespace trapline
