#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace trapline::support {

/// A set of CPUs, as the kernel takes and gives them (sched_setaffinity(2)): CPU N is bit N of the bytes, the lowest
/// first. How many of them there are does not matter to it.
class CpuSet {
 public:
  /// No architecture's NR_CPUS is more.
  static constexpr std::size_t most = 8192;

  CpuSet() = default;
  explicit CpuSet(std::vector<std::byte> bits);
  CpuSet(std::initializer_list<int> cpus);
  [[nodiscard]] static CpuSet all();

  [[nodiscard]] bool contains(int cpu) const;
  [[nodiscard]] bool empty() const { return bits_.empty(); }
  [[nodiscard]] std::vector<int> cpus() const;
  /// Up to the last CPU in it.
  [[nodiscard]] std::span<const std::byte> bits() const { return bits_; }
  /// As the kernel fills a buffer of that size.
  [[nodiscard]] std::vector<std::byte> image(std::size_t size) const;
  /// As taskset(1) writes it: `"0-3,7"`.
  [[nodiscard]] std::string text() const;

  friend CpuSet operator&(const CpuSet& one, const CpuSet& other);
  friend bool operator==(const CpuSet&, const CpuSet&) = default;

 private:
  /// Without zeros at the end, so that equal sets are equal bytes.
  std::vector<std::byte> bits_;
};

}  // namespace trapline::support
