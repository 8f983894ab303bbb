#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>

#include <trapline/types.hpp>

namespace trapline::core {

/// Which syscalls a process has made while its syscalls were watched; a bit for each, so that noting one costs nothing.
class SeenSyscalls {
 public:
  void note(Abi abi, std::int64_t number) {
    const auto index = static_cast<std::uint64_t>(number);
    if (index < count) seen_[static_cast<std::size_t>(abi)][index] = true;
  }
  [[nodiscard]] bool has(Abi abi, std::int64_t number) const {
    const auto index = static_cast<std::uint64_t>(number);
    return index < count && seen_[static_cast<std::size_t>(abi)][index];
  }
  [[nodiscard]] bool any(Abi abi) const { return seen_[static_cast<std::size_t>(abi)].any(); }
  void add(const SeenSyscalls& others) {
    for (std::size_t i = 0; i < seen_.size(); ++i) seen_[i] |= others.seen_[i];
  }

 private:
  static constexpr std::size_t count = 512;
  std::array<std::bitset<count>, 3> seen_{};
};

}  // namespace trapline::core
