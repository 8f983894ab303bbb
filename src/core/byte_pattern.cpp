#include "core/byte_pattern.hpp"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include <trapline/error.hpp>

#include "support/text.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace trapline::core {
namespace {

constexpr auto all_bits = std::byte{0xff};

/// How common a byte is in the memory of programs, roughly.
int commonness(std::byte byte) {
  switch (std::to_integer<unsigned>(byte)) {
    case 0: return 3;
    case 0xff: return 2;
    case 0x20:
    case 0x48:
    case 0x01:
    case 0x7f: return 1;
  }
  return 0;
}

/// Of 64 places from an address on, those that are multiples of the alignment, or all when it divides no 64.
std::uint64_t aligned_places(Address address, std::size_t alignment) {
  if (alignment == 1 || alignment > 64 || !std::has_single_bit(alignment)) return ~std::uint64_t{0};
  std::uint64_t places = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    if ((address + i) % alignment == 0) places |= std::uint64_t{1} << i;
  }
  return places;
}

}  // namespace

BytePattern::BytePattern(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {
  if (bytes_.empty()) throw UsageError("find: an empty pattern is everywhere");
  choose_anchors();
}

BytePattern::BytePattern(ByteView bytes, ByteView mask)
    : bytes_(bytes.begin(), bytes.end()), mask_(mask.begin(), mask.end()) {
  if (bytes_.size() != mask_.size()) {
    throw UsageError(fmt::format("find: {} bytes have a mask of {} bytes", bytes_.size(), mask_.size()));
  }
  if (std::ranges::all_of(mask_, [](std::byte bits) { return bits == std::byte{0}; })) {
    throw UsageError("find: a pattern in which every byte may be anything is everywhere");
  }
  for (std::size_t i = 0; i < bytes_.size(); ++i) bytes_[i] &= mask_[i];
  if (std::ranges::all_of(mask_, [](std::byte bits) { return bits == all_bits; })) mask_.clear();
  choose_anchors();
}

void BytePattern::choose_anchors() {
  const auto cost = [&](std::size_t offset) {
    if (mask_.empty() || mask_[offset] == all_bits) return commonness(bytes_[offset]);
    return 4 + 8 - std::popcount(std::to_integer<unsigned>(mask_[offset]));
  };
  std::size_t best = 0;
  for (std::size_t i = 1; i < bytes_.size(); ++i) {
    if (cost(i) < cost(best)) best = i;
  }
  // The second one far from the first and unlike it, so that runs of one byte pass only one of them.
  std::size_t second = best;
  const auto rank = [&](std::size_t offset) { return 2 * cost(offset) + (bytes_[offset] == bytes_[best] ? 1 : 0); };
  for (std::size_t i = bytes_.size(); i-- > 0;) {
    if (i != best && (second == best || rank(i) < rank(second))) second = i;
  }
  anchors_ = {best, second};
}

bool BytePattern::matches_zeros() const {
  return std::ranges::all_of(bytes_, [](std::byte byte) { return byte == std::byte{0}; });
}

bool BytePattern::matches(const std::byte* at) const {
  if (mask_.empty()) return std::memcmp(at, bytes_.data(), bytes_.size()) == 0;
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    if ((at[i] & mask_[i]) != bytes_[i]) return false;
  }
  return true;
}

void BytePattern::add_if_match(const Window& window, std::size_t offset, MatchSink& sink) const {
  if (sink.takes(window.origin + offset) && matches(window.bytes.data() + offset)) {
    sink.add(window.origin + offset, bytes_.size());
  }
}

std::size_t BytePattern::scan_portably(const Window& window, std::size_t from, MatchSink& sink) const {
  const std::size_t size = window.bytes.size();
  const std::byte* const start = window.bytes.data();
  const std::size_t anchor = anchors_[0];
  const bool whole = mask_.empty() || mask_[anchor] == all_bits;
  while (!sink.full() && from + bytes_.size() <= size) {
    if (mask_.empty()) {
      const void* found = ::memmem(start + from, size - from, bytes_.data(), bytes_.size());
      from = found != nullptr ? static_cast<std::size_t>(static_cast<const std::byte*>(found) - start) : size;
    } else if (whole) {
      const std::size_t places = size - bytes_.size() + 1 - from;
      const void* found = std::memchr(start + from + anchor, std::to_integer<int>(bytes_[anchor]), places);
      from = found != nullptr ? static_cast<std::size_t>(static_cast<const std::byte*>(found) - start) - anchor : size;
    }
    if (from < size) add_if_match(window, from++, sink);
  }
  if (sink.full()) return from;
  return window.last ? size : std::max(window.fresh, size - std::min(size, bytes_.size() - 1));
}

#if defined(__x86_64__)
/// Looks at both anchors at 64 places at a time; what has both is compared in full. Returns where fewer are left.
__attribute__((target("avx2"))) std::size_t BytePattern::scan_avx2(const Window& window, std::size_t from,
                                                                   std::size_t ends, MatchSink& sink) const {
  const std::size_t one = anchors_[0];
  const std::size_t two = anchors_[1];
  const std::array<std::byte, 2> bits = {mask_.empty() ? all_bits : mask_[one], mask_.empty() ? all_bits : mask_[two]};
  const __m256i first = _mm256_set1_epi8(std::to_integer<char>(bytes_[one]));
  const __m256i second = _mm256_set1_epi8(std::to_integer<char>(bytes_[two]));
  const __m256i first_bits = _mm256_set1_epi8(std::to_integer<char>(bits[0]));
  const __m256i second_bits = _mm256_set1_epi8(std::to_integer<char>(bits[1]));
  const std::byte* const start = window.bytes.data();
  const std::uint64_t aligned = aligned_places(window.origin + from, sink.alignment());
  const auto compare = [&](std::size_t at) __attribute__((target("avx2"))) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(start + at + one));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(start + at + two));
    return _mm256_and_si256(_mm256_cmpeq_epi8(first, _mm256_and_si256(a, first_bits)),
                            _mm256_cmpeq_epi8(second, _mm256_and_si256(b, second_bits)));
  };
  for (; from + 64 <= ends; from += 64) {
    const __m256i low = compare(from);
    const __m256i high = compare(from + 32);
    if (_mm256_testz_si256(_mm256_or_si256(low, high), _mm256_set1_epi8(-1)) != 0) continue;
    std::uint64_t places = static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
                           static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(high))) << 32U;
    for (places &= aligned; places != 0; places &= places - 1) {
      const std::size_t place = from + static_cast<std::size_t>(std::countr_zero(places));
      add_if_match(window, place, sink);
      if (sink.full()) return place + 1;
    }
  }
  return from;
}
#endif

std::size_t BytePattern::scan(const Window& window, std::size_t from, MatchSink& sink) const {
#if defined(__x86_64__)
  static const bool avx2 = __builtin_cpu_supports("avx2") != 0;
  if (avx2 && window.bytes.size() >= bytes_.size()) {
    from = scan_avx2(window, from, window.bytes.size() - bytes_.size() + 1, sink);
    if (sink.full()) return from;
  }
#endif
  return scan_portably(window, from, sink);
}

std::unique_ptr<BytePattern> parse_hex_pattern(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    throw UsageError(
        fmt::format("find: \"{}\" is no pattern of bytes: {}; write pairs of hexadecimal digits, with '?' "
                    "for what may be any, such as \"48 8b ?? 05 4?\"",
                    support::escape(text), why));
  };
  Bytes bytes;
  Bytes mask;
  // A pair, of which the first half may be there already.
  bool half = false;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\n') {
      if (half && bytes.back() == std::byte{0} && mask.back() == std::byte{0}) half = false;  // a lone `?`
      if (half) refuse("a byte has one digit only");
      continue;
    }
    unsigned digit = 0;
    if (c >= '0' && c <= '9')
      digit = static_cast<unsigned>(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = static_cast<unsigned>(c - 'a') + 10;
    else if (c >= 'A' && c <= 'F')
      digit = static_cast<unsigned>(c - 'A') + 10;
    else if (c != '?')
      refuse(fmt::format("'{}' is no digit", support::escape(std::string_view(&c, 1))));
    const auto bits = static_cast<std::byte>(c == '?' ? 0 : 0xf);
    if (!half) {
      bytes.push_back(static_cast<std::byte>(digit) << 4);
      mask.push_back(bits << 4);
    } else {
      bytes.back() |= static_cast<std::byte>(digit);
      mask.back() |= bits;
    }
    half = !half;
  }
  if (half && mask.back() != std::byte{0}) refuse("a byte has one digit only");
  if (bytes.empty()) refuse("it is empty");
  return std::make_unique<BytePattern>(bytes, mask);
}

}  // namespace trapline::core
