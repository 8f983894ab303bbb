#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trapline/types.hpp>

namespace trapline::os {

// All of these throw ProcessGone when the process has vanished, or the thread of that id has exited before others of
// its process; and OsError when it may not be looked at.

/// One line of /proc/PID/maps.
struct Mapping {
  Address start = 0;
  Address end = 0;
  std::uint64_t offset = 0;
  std::uint64_t inode = 0;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool shared = false;
  /// The file was unlinked or replaced since; `name` is without the kernel's remark about it.
  bool deleted = false;
  std::string name;

  [[nodiscard]] bool contains(Address address) const { return address >= start && address < end; }
  friend bool operator==(const Mapping&, const Mapping&) = default;
};

/// Whether something of the process may run and change its mappings while they are read.
enum class Changing { no, perhaps };

/// Ascending, none overlaps another; what of them is one state of a process that changes them, the kernel can only tell
/// with luck.
[[nodiscard]] std::vector<Mapping> read_maps(pid_t pid, Changing changing = Changing::perhaps);

/// How one mapping is asked for: Linux 6.11 and later have a request for it (PROCMAP_QUERY), which costs the same for a
/// process with any number of them.
enum class MapQuery { fastest, by_reading };
/// The mapping around an address.
[[nodiscard]] std::optional<Mapping> mapping_at(pid_t pid, Address address, MapQuery how = MapQuery::fastest);

/// The text of /proc/PID/maps taken apart. Names are what they most likely are: the text does not tell a line break
/// from
/// `\012`, nor a deleted file from one that is called "... (deleted)".
[[nodiscard]] std::vector<Mapping> parse_maps(std::string_view text);
/// Cuts off what another mapping has too, which a process that changes them while they are read can make them look
/// like.
void make_disjoint(std::vector<Mapping>& maps);

/// The name of a file without the " (deleted)" that the kernel appends, unless the file is really called so.
struct FileName {
  std::string name;
  bool deleted = false;
};
[[nodiscard]] FileName without_deleted_mark(pid_t pid, std::string name, std::uint64_t inode);

}  // namespace trapline::os
