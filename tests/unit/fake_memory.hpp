#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "core/byte_pattern.hpp"
#include "core/memory_search.hpp"
#include "support/bytes.hpp"

namespace trapline::core {

inline constexpr std::size_t page = 4096;
/// What MemoryWindows reads at once.
inline constexpr std::size_t piece = std::size_t{256} * 1024;
inline constexpr Address base = 0x7f00'0000'0000;

/// Memory at `base` in which single pages can be made unreadable.
class FakeMemory {
 public:
  explicit FakeMemory(std::size_t size) : bytes_(size) {}

  std::byte* data() { return bytes_.data(); }
  [[nodiscard]] ByteView bytes() const { return bytes_; }
  void put(std::size_t offset, std::string_view text) { std::memcpy(bytes_.data() + offset, text.data(), text.size()); }
  template <class T>
  void put_value(std::size_t offset, T value) {
    std::memcpy(bytes_.data() + offset, &value, sizeof value);
  }
  void make_hole(std::size_t page_index) { holes_.insert(page_index); }
  [[nodiscard]] bool readable(std::size_t offset, std::size_t size = 1) const {
    if (offset + size > bytes_.size()) return false;
    for (std::size_t at = offset / page; at <= (offset + size - 1) / page; ++at) {
      if (holes_.contains(at)) return false;
    }
    return true;
  }
  [[nodiscard]] Range all() const { return {base, base + bytes_.size()}; }

  std::size_t operator()(Address address, std::span<std::byte> into) const {
    const std::size_t start = address - base;
    if (address < base || start >= bytes_.size()) return 0;
    std::size_t end = start;
    while (end < bytes_.size() && end < start + into.size() && readable(end)) {
      end = std::min({(end / page + 1) * page, bytes_.size(), start + into.size()});
    }
    std::memcpy(into.data(), bytes_.data() + start, end - start);
    return end - start;
  }

  std::vector<Match> search(std::shared_ptr<const Matcher> matcher, const FindOptions& options = {}) const {
    MemorySearch search({all()}, std::move(matcher), options);
    std::vector<Match> matches;
    while (const auto match = search.next(*this)) matches.push_back(*match);
    EXPECT_FALSE(search.next(*this)) << "the end is for good";
    return matches;
  }
  std::vector<Address> find(std::shared_ptr<const Matcher> matcher, const FindOptions& options = {}) const {
    std::vector<Address> addresses;
    for (const Match& match : search(std::move(matcher), options)) addresses.push_back(match.address);
    return addresses;
  }
  std::vector<Address> find(ByteView pattern, const FindOptions& options = {}) const {
    return find(std::make_shared<BytePattern>(pattern), options);
  }
  std::vector<Address> find(std::string_view pattern, const FindOptions& options = {}) const {
    return find(support::as_bytes(pattern), options);
  }

  /// The same by trying every place.
  [[nodiscard]] std::vector<Address> find_slowly(ByteView pattern, ByteView mask = {}) const {
    std::vector<Address> hits;
    for (std::size_t at = 0; at + pattern.size() <= bytes_.size(); ++at) {
      bool fits = readable(at, pattern.size());
      for (std::size_t i = 0; fits && i < pattern.size(); ++i) {
        const std::byte differs = bytes_[at + i] ^ pattern[i];
        fits = (mask.empty() ? differs : differs & mask[i]) == std::byte{0};
      }
      if (fits) hits.push_back(base + at);
    }
    return hits;
  }

 private:
  std::vector<std::byte> bytes_;
  std::set<std::size_t> holes_;
};

}  // namespace trapline::core
