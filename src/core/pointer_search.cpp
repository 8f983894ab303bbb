#include "core/pointer_search.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace trapline::core {
namespace {

/// Finds out whether words point into one of several ranges: quickly whether they are anywhere near.
class Targets {
 public:
  explicit Targets(std::span<const Range> ranges) : ranges_(ranges) {
    if (!ranges.empty()) hull_ = {ranges.front().start, ranges.back().end};
  }

  [[nodiscard]] const Range& hull() const { return hull_; }
  [[nodiscard]] bool contain(Address address) const {
    if (address - hull_.start >= hull_.end - hull_.start) return false;
    const auto above = std::ranges::upper_bound(ranges_, address, {}, &Range::start);
    return above != ranges_.begin() && address < std::prev(above)->end;
  }

 private:
  std::span<const Range> ranges_;
  Range hull_;
};

/// Looks through a window at every `step` bytes.
class PointerScan {
 public:
  PointerScan(const Window& window, const Targets& targets, const PointerLayout& layout,
              std::vector<FoundPointer>& found)
      : window_(window), targets_(targets), layout_(layout), found_(found) {}

  /// Returns the first place where a pointer was not looked for.
  std::size_t run() {
    const Address past_start = window_.origin + window_.fresh - window_.range_start;
    std::size_t at = window_.fresh + (layout_.step - past_start % layout_.step) % layout_.step;
    const std::size_t size = window_.bytes.size();
#if defined(__x86_64__)
    static const bool avx2 = __builtin_cpu_supports("avx2") != 0;
    if (avx2 && layout_.size == 8 && layout_.step <= 8 && std::has_single_bit(layout_.step)) at = run_avx2(at);
#endif
    for (; at + layout_.size <= size; at += layout_.step) look_at(at);
    return std::min(at, size);
  }

 private:
  void look_at(std::size_t at) {
    const Address word = layout_.size == 8 ? load<std::uint64_t>(at) : load<std::uint32_t>(at);
    if (targets_.contain(word)) found_.push_back({window_.origin + at, word});
  }

  template <class T>
  [[nodiscard]] T load(std::size_t at) const {
    T word;
    std::memcpy(&word, window_.bytes.data() + at, sizeof word);
    return word;
  }

#if defined(__x86_64__)
  /// 32 bytes at a time, at each of the places in a word.
  __attribute__((target("avx2"))) std::size_t run_avx2(std::size_t at) {
    // There is no unsigned comparison: with the upper bit turned over a signed one does the same.
    const Range& hull = targets_.hull();
    const __m256i turn = _mm256_set1_epi64x(static_cast<long long>(std::uint64_t{1} << 63));
    const __m256i low = _mm256_set1_epi64x(static_cast<long long>(hull.start));
    const __m256i span = _mm256_xor_si256(_mm256_set1_epi64x(static_cast<long long>(hull.end - hull.start)), turn);
    const std::byte* const start = window_.bytes.data();
    for (; at + 32 + 7 <= window_.bytes.size(); at += 32) {
      std::uint32_t places = 0;
      for (std::size_t i = 0; i < 8; i += layout_.step) {
        const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(start + at + i));
        const __m256i inside = _mm256_cmpgt_epi64(span, _mm256_xor_si256(_mm256_sub_epi64(words, low), turn));
        if (_mm256_testz_si256(inside, inside) != 0) continue;
        // Bit 8 * n for the nth word.
        places |= (static_cast<std::uint32_t>(_mm256_movemask_epi8(inside)) & 0x01010101U) << i;
      }
      for (; places != 0; places &= places - 1) look_at(at + static_cast<std::size_t>(std::countr_zero(places)));
    }
    return at;
  }
#endif

  const Window& window_;
  const Targets& targets_;
  const PointerLayout& layout_;
  std::vector<FoundPointer>& found_;
};

}  // namespace

std::vector<FoundPointer> find_pointers(ReadMemory read, std::vector<Range> where, std::span<const Range> targets,
                                        const PointerLayout& layout) {
  std::vector<FoundPointer> found;
  const Targets wanted(targets);
  // Where nothing is aimed at, nothing is found.
  if (targets.empty()) return found;
  MemoryWindows windows(std::move(where), layout.size);
  std::size_t done = 0;
  while (windows.next(read, done)) {
    done = PointerScan(windows.window(), wanted, layout, found).run();
  }
  return found;
}

}  // namespace trapline::core
