#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <trapline/types.hpp>

namespace trapline {

/// One line of /proc/PID/maps (proc(5)).
struct TRAPLINE_API MemoryMap {
  Address start = 0;
  Address end = 0;
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool shared = false;
  std::uint64_t offset = 0;
  std::uint64_t inode = 0;
  /// The file's path or the kernel's name such as `[heap]`; empty for anonymous memory.
  std::string path{};

  [[nodiscard]] std::uint64_t size() const { return end - start; }
  [[nodiscard]] bool contains(Address address) const { return address >= start && address < end; }
  /// As in the file: `"r-xp"`.
  [[nodiscard]] std::string permissions() const;
};

/// The mappings of a process in ascending order, as they were when it was asked.
class TRAPLINE_API MemoryMaps {
 public:
  MemoryMaps(std::vector<MemoryMap> maps, std::string binary);

  /// Those that a user means by a name: "binary", "libc", "stack", "heap", "vdso", a file's name, or a part of its
  /// path.
  [[nodiscard]] MemoryMaps filter(std::string_view name) const;
  /// The mapping around an address, as a list of none or one.
  [[nodiscard]] MemoryMaps filter(Address address) const;
  /// The mapping around an address; nullptr when it is unmapped.
  [[nodiscard]] const MemoryMap* at(Address address) const;

  [[nodiscard]] auto begin() const { return maps_.begin(); }
  [[nodiscard]] auto end() const { return maps_.end(); }
  [[nodiscard]] std::size_t size() const { return maps_.size(); }
  [[nodiscard]] bool empty() const { return maps_.empty(); }
  [[nodiscard]] const MemoryMap& front() const { return maps_.front(); }
  [[nodiscard]] const MemoryMap& operator[](std::size_t index) const { return maps_[index]; }

 private:
  std::vector<MemoryMap> maps_;
  std::string binary_;
};

}  // namespace trapline
