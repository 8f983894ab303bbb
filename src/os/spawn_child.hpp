#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "os/spawn.hpp"

namespace trapline::os {

/// What the child does, prepared by its parent: it runs in the parent's memory, reads this, and writes what it
/// has to tell. Plain data, because it may call nothing, not even the accessor of a container.
struct SpawnChild {
  struct Limit {
    int resource;
    std::uint64_t values[2];
  };

  std::uint32_t released = 0;
  /// The kernel clears it when the child leaves this memory, by exec or by death (set_tid_address(2)).
  std::uint32_t in_host_memory = 1;
  SpawnStep failed_step = SpawnStep::none;
  int error = 0;

  pid_t host = 0;
  const char* path = nullptr;
  const char* const* argv = nullptr;
  const char* const* env = nullptr;
  const char* base_directory = nullptr;
  const char* directory = nullptr;
  int stdio[3] = {-1, -1, -1};
  int tty = -1;
  bool new_session = false;
  bool disable_aslr = false;
  bool keep_descriptors = false;
  bool set_umask = false;
  bool set_scheduling = false;
  bool set_groups = false;
  bool set_gid = false;
  bool set_uid = false;
  mode_t umask = 0;
  int nice = 0;
  gid_t gid = 0;
  uid_t uid = 0;
  std::size_t group_count = 0;
  const std::byte* affinity = nullptr;
  std::size_t affinity_size = 0;
  const Limit* limits = nullptr;
  std::size_t limit_count = 0;
  sock_fprog filter{};
  bool filtered = false;
  std::uint64_t signal_mask = 0;
  /// Those that the host ignores, which an exec would keep so, or catches: until the exec its handlers are still there.
  std::uint64_t signals_to_reset = ~std::uint64_t{0};
  /// The kernel's struct sigaction: all zero is the default disposition.
  unsigned long default_action[4] = {};
  /// For reading a directory.
  alignas(8) char buffer[1024] = {};
};

/// The child's whole life before its program; `argument` is a SpawnChild*. Never returns.
void run_spawn_child(void* argument);

}  // namespace trapline::os
