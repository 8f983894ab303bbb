#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <trapline/types.hpp>

namespace trapline::symbols {

/// Reads little-endian data that may be damaged, from its beginning on. Once something is not there, all that follows
/// reads as nothing and `failed()` tells.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : rest_(bytes) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }
  [[nodiscard]] ByteView rest() const { return rest_; }

  ByteView take(std::uint64_t size) {
    if (size > rest_.size()) return fail();
    const ByteView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  /// An unsigned number of 1 to 8 bytes.
  std::uint64_t number(std::size_t size) {
    const ByteView bytes = take(size);
    std::uint64_t value = 0;
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
    return value;
  }
  std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
  /// Bits above the 64th are dropped.
  std::uint64_t uleb() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const std::uint8_t part = byte();
      if (shift < 64) value |= std::uint64_t{part & 0x7fU} << shift;
      if ((part & 0x80U) == 0) return value;
    }
  }
  std::int64_t sleb() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;;) {
      const std::uint8_t part = byte();
      if (shift < 64) value |= std::uint64_t{part & 0x7fU} << shift;
      shift += 7;
      if ((part & 0x80U) != 0) continue;
      if ((part & 0x40U) != 0 && shift < 64) value |= ~std::uint64_t{0} << shift;
      return static_cast<std::int64_t>(value);
    }
  }
  /// Up to the next zero, which must be there.
  std::string_view string() {
    const auto end = std::ranges::find(rest_, std::byte{0});
    if (end == rest_.end()) return as_text(fail());
    const ByteView text = take(static_cast<std::size_t>(end - rest_.begin()));
    take(1);
    return as_text(text);
  }

 private:
  static std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  ByteView fail() {
    failed_ = true;
    rest_ = {};
    return {};
  }

  ByteView rest_;
  bool failed_ = false;
};

}  // namespace trapline::symbols
