#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include <trapline/types.hpp>

namespace trapline {

namespace core {
class Matcher;
}

struct RegexOptions {
  bool ignore_case = false;
  /// In bytes, at most 1 MiB: what is longer does not match.
  std::size_t max_length = 4096;
};

/// What Memory::find looks for, besides plain bytes and text. All of these throw UsageError for what would be found
/// everywhere or nowhere.
class TRAPLINE_API Pattern {
 public:
  /// Exactly these bytes.
  [[nodiscard]] static Pattern bytes(ByteView bytes);
  /// These characters, without a NUL.
  [[nodiscard]] static Pattern text(std::string_view text);
  /// A number as it is in memory in 1 to 8 bytes; throws UsageError when it does not fit into them.
  template <std::integral T>
  [[nodiscard]] static Pattern integer(T value, std::size_t width = sizeof(T),
                                       std::endian order = std::endian::native) {
    return integer_of(static_cast<std::uint64_t>(value), std::is_signed_v<T> && value < T{}, width, order);
  }
  /// As reverse engineers write it, `?` for any digit: `"48 8b ?? 05 4?"`.
  [[nodiscard]] static Pattern hex(std::string_view text);
  /// These bytes where the mask has ones; where it has zeros, anything.
  [[nodiscard]] static Pattern masked(ByteView bytes, ByteView mask);
  /// A regular expression in RE2's syntax over bytes: `.` is any byte, `\x00` is that byte, and `^` and `$` are the
  /// ends of what is readable. Matches do not overlap.
  [[nodiscard]] static Pattern regex(std::string_view expression, const RegexOptions& options = {});

  /// For trapline itself.
  explicit Pattern(std::shared_ptr<const core::Matcher> matcher) : matcher_(std::move(matcher)) {}
  [[nodiscard]] const std::shared_ptr<const core::Matcher>& matcher() const { return matcher_; }

 private:
  static Pattern integer_of(std::uint64_t value, bool negative, std::size_t width, std::endian order);

  std::shared_ptr<const core::Matcher> matcher_;
};

}  // namespace trapline
