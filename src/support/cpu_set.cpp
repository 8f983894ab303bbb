#include "support/cpu_set.hpp"

#include <algorithm>
#include <utility>

namespace trapline::support {
CpuSet::CpuSet(std::vector<std::byte> bits) : bits_(std::move(bits)) {
  bits_.resize(std::min(bits_.size(), most / 8));
  while (!bits_.empty() && bits_.back() == std::byte{0}) bits_.pop_back();
}

CpuSet::CpuSet(std::initializer_list<int> cpus) {
  for (const int cpu : cpus) {
    const auto at = static_cast<std::size_t>(cpu);
    if (bits_.size() <= at / 8) bits_.resize(at / 8 + 1);
    bits_[at / 8] |= std::byte{1} << at % 8;
  }
}

CpuSet CpuSet::all() { return CpuSet(std::vector(most / 8, std::byte{0xff})); }

bool CpuSet::contains(int cpu) const {
  const auto at = static_cast<std::size_t>(cpu);
  return cpu >= 0 && at / 8 < bits_.size() && (bits_[at / 8] >> at % 8 & std::byte{1}) != std::byte{0};
}

std::vector<int> CpuSet::cpus() const {
  std::vector<int> result;
  for (int cpu = 0; cpu < static_cast<int>(bits_.size() * 8); ++cpu) {
    if (contains(cpu)) result.push_back(cpu);
  }
  return result;
}

std::vector<std::byte> CpuSet::image(std::size_t size) const {
  std::vector<std::byte> result(size);
  std::copy_n(bits_.begin(), std::min(size, bits_.size()), result.begin());
  return result;
}

std::string CpuSet::text() const {
  std::string result;
  const std::vector<int> list = cpus();
  for (std::size_t first = 0, last = 0; first < list.size(); first = ++last) {
    while (last + 1 < list.size() && list[last + 1] == list[last] + 1) ++last;
    if (!result.empty()) result += ',';
    result += std::to_string(list[first]);
    if (last > first) result += '-' + std::to_string(list[last]);
  }
  return result.empty() ? "none" : result;
}

CpuSet operator&(const CpuSet& one, const CpuSet& other) {
  std::vector<std::byte> common = one.image(std::min(one.bits_.size(), other.bits_.size()));
  for (std::size_t i = 0; i < common.size(); ++i) common[i] &= other.bits_[i];
  return CpuSet(std::move(common));
}

}  // namespace trapline::support
