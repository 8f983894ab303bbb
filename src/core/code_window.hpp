#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <trapline/types.hpp>

namespace trapline::core {

class Process;

/// A page of code of a process at rest, without our traps. It cannot change until something runs or writes, so that one
/// read serves all the traps that are placed in it: a read for each would be half of what they cost.
class CodeWindow {
 public:
  /// Reads all of `into` from code that nobody else can write to; false when it has to be asked for as usual.
  [[nodiscard]] bool read(Process& process, Address address, std::span<std::byte> into);

 private:
  std::array<std::byte, 4096> page_{};
  Address start_ = 0;
  bool known_ = false;
  // What has happened up to its reading.
  std::uint64_t epoch_ = 0;
  std::size_t writes_ = 0;
};

}  // namespace trapline::core
