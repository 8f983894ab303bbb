#pragma once

#include <array>
#include <memory>
#include <string_view>

#include <trapline/types.hpp>

#include "core/matcher.hpp"

namespace trapline::core {

/// Bytes of which some or some bits may be anything.
class BytePattern final : public Matcher {
 public:
  explicit BytePattern(ByteView bytes);
  /// Bits that are 0 in the mask may be anything; both have the same size. Throws UsageError when nothing is left.
  BytePattern(ByteView bytes, ByteView mask);

  [[nodiscard]] std::size_t reach() const override { return bytes_.size(); }
  [[nodiscard]] bool matches_zeros() const override;
  std::size_t scan(const Window& window, std::size_t from, MatchSink& sink) const override;

  /// The scan without instructions that only some processors have.
  std::size_t scan_portably(const Window& window, std::size_t from, MatchSink& sink) const;

 private:
  void choose_anchors();
  [[nodiscard]] bool matches(const std::byte* at) const;
  void add_if_match(const Window& window, std::size_t offset, MatchSink& sink) const;
  std::size_t scan_avx2(const Window& window, std::size_t from, std::size_t ends, MatchSink& sink) const;

  Bytes bytes_;
  /// Empty when all bits count.
  Bytes mask_;
  /// Offsets of the two bytes that tell most places at once that there is no match.
  std::array<std::size_t, 2> anchors_{};
};

/// "48 8b ?? 05 4? e8": pairs of hexadecimal digits, of which `?` may be any; blanks between bytes may be left out.
/// Throws UsageError for anything else.
[[nodiscard]] std::unique_ptr<BytePattern> parse_hex_pattern(std::string_view text);

}  // namespace trapline::core
