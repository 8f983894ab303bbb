#pragma once

#include <memory>
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
  /// The file's path or the kernel's name such as `[heap]`, `[anon:name]` or `/memfd:name`; empty for anonymous memory.
  std::string path{};
  /// The file was removed or replaced since; `path` is where it was.
  bool deleted = false;

  [[nodiscard]] std::uint64_t size() const { return end - start; }
  [[nodiscard]] bool contains(Address address) const { return address >= start && address < end; }
  /// As in the file: `"r-xp"`.
  [[nodiscard]] std::string permissions() const;
  /// As PROT_READ, PROT_WRITE and PROT_EXEC (mmap(2)).
  [[nodiscard]] int protection() const;
  /// Whether it is as `wanted` says: `"rw"` is at least readable and writable, `"r-x"` is that and not writable, and
  /// `s` or `p` at the end tell shared from private ones. Throws UsageError for what is no such text.
  [[nodiscard]] bool permits(std::string_view wanted) const;

  friend bool operator==(const MemoryMap&, const MemoryMap&) = default;
};

/// The mappings of a process in ascending order, as they were when it was asked. Copies share them.
class TRAPLINE_API MemoryMaps {
 public:
  MemoryMaps(std::vector<MemoryMap> maps, std::string binary);

  /// Those that a user means by a name: "binary", "libc", "loader" (or "ld"), "stack" (the main thread's), "heap",
  /// "vdso", "vvar", "anon" (without a file), a file's name, or a part of its path.
  [[nodiscard]] MemoryMaps filter(std::string_view name) const;
  /// The mapping around an address, as a list of none or one.
  [[nodiscard]] MemoryMaps filter(Address address) const;
  /// Those with such permissions, as MemoryMap::permits() takes them.
  [[nodiscard]] MemoryMaps with_permissions(std::string_view wanted) const;
  /// The mapping around an address; nullptr when it is unmapped.
  [[nodiscard]] const MemoryMap* at(Address address) const;

  [[nodiscard]] auto begin() const { return maps_->begin(); }
  [[nodiscard]] auto end() const { return maps_->end(); }
  [[nodiscard]] std::size_t size() const { return maps_->size(); }
  [[nodiscard]] bool empty() const { return maps_->empty(); }
  [[nodiscard]] const MemoryMap& front() const { return maps_->front(); }
  [[nodiscard]] const MemoryMap& back() const { return maps_->back(); }
  [[nodiscard]] const MemoryMap& operator[](std::size_t index) const { return (*maps_)[index]; }

 private:
  std::shared_ptr<const std::vector<MemoryMap>> maps_;
  std::string binary_;
};

}  // namespace trapline
