#include "core/memory_search.hpp"

#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>

#include <trapline/error.hpp>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace trapline::core {
namespace {

/// What fits the second-level cache beside the scan and is large enough to make the cost of a call nothing.
constexpr std::size_t piece_size = std::size_t{256} * 1024;

/// Collects hits at offsets from an address; tells when there are enough.
class Hits {
 public:
  Hits(std::size_t alignment, std::size_t limit) : alignment_(alignment), limit_(limit) {}

  void set_origin(Address origin) { origin_ = origin; }
  [[nodiscard]] bool full() const { return addresses_.size() >= limit_; }
  void add(std::size_t offset) {
    const Address address = origin_ + offset;
    if (address % alignment_ == 0) addresses_.push_back(address);
  }
  [[nodiscard]] std::vector<Address> take() { return std::move(addresses_); }

 private:
  std::size_t alignment_;
  std::size_t limit_;
  Address origin_ = 0;
  std::vector<Address> addresses_;
};

/// Scans from an offset on.
void scan_portably(ByteView data, ByteView pattern, std::size_t from, Hits& hits) {
  while (!hits.full()) {
    const ByteView rest = data.subspan(from);
    const void* found = ::memmem(rest.data(), rest.size(), pattern.data(), pattern.size());
    if (found == nullptr) return;
    from = static_cast<std::size_t>(static_cast<const std::byte*>(found) - data.data());
    hits.add(from++);
  }
}

#if defined(__x86_64__)
/// Compares the pattern's first and last byte at 64 places at a time; what has both is compared in full.
__attribute__((target("avx2"))) void scan_avx2(ByteView data, ByteView pattern, Hits& hits) {
  const __m256i first = _mm256_set1_epi8(std::to_integer<char>(pattern.front()));
  const __m256i last = _mm256_set1_epi8(std::to_integer<char>(pattern.back()));
  const std::byte* const start = data.data();
  const std::size_t distance = pattern.size() - 1;
  std::size_t at = 0;
  for (; at + distance + 64 <= data.size(); at += 64) {
    const auto* const heads = reinterpret_cast<const __m256i*>(start + at);
    const auto* const tails = reinterpret_cast<const __m256i*>(start + at + distance);
    const __m256i low = _mm256_and_si256(_mm256_cmpeq_epi8(first, _mm256_loadu_si256(heads)),
                                         _mm256_cmpeq_epi8(last, _mm256_loadu_si256(tails)));
    const __m256i high = _mm256_and_si256(_mm256_cmpeq_epi8(first, _mm256_loadu_si256(heads + 1)),
                                          _mm256_cmpeq_epi8(last, _mm256_loadu_si256(tails + 1)));
    if (_mm256_testz_si256(_mm256_or_si256(low, high), _mm256_set1_epi8(-1)) != 0) continue;
    std::uint64_t places = static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
                           static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(high))) << 32U;
    for (; places != 0; places &= places - 1) {
      const std::size_t place = at + static_cast<std::size_t>(std::countr_zero(places));
      if (std::memcmp(start + place, pattern.data(), pattern.size()) != 0) continue;
      hits.add(place);
      if (hits.full()) return;
    }
  }
  scan_portably(data, pattern, at, hits);
}
#endif

void scan(ByteView data, ByteView pattern, Hits& hits) {
#if defined(__x86_64__)
  static const bool avx2 = __builtin_cpu_supports("avx2") != 0;
  if (avx2) {
    scan_avx2(data, pattern, hits);
    return;
  }
#endif
  scan_portably(data, pattern, 0, hits);
}

/// Searches one range after the other through one buffer.
class Search {
 public:
  Search(ReadMemory read, ByteView pattern, Hits& hits)
      : read_(read),
        pattern_(pattern),
        hits_(hits),
        room_((pattern.size() - 1 + 63) / 64 * 64),
        buffer_(std::make_unique_for_overwrite<std::byte[]>(room_ + piece_size)) {}

  void run(const Range& range) {
    // The end of the piece before, in which a hit may begin, stands in front of the place where pieces are read to.
    std::byte* const piece = buffer_.get() + room_;
    std::size_t carried = 0;
    for (Address at = range.start; at < range.end && !hits_.full();) {
      const std::size_t wanted = std::min<std::uint64_t>(piece_size, range.end - at);
      const std::size_t got = read_(at, {piece, wanted});
      const std::size_t known = carried + got;
      if (known >= pattern_.size()) {
        hits_.set_origin(at - carried);
        scan({piece - carried, known}, pattern_, hits_);
      }
      at += got;
      if (got < wanted) {
        carried = 0;
        at = std::min(next_page(at), range.end);
        continue;
      }
      const std::size_t kept = std::min(known, pattern_.size() - 1);
      std::memmove(piece - kept, piece + got - kept, kept);
      carried = kept;
    }
  }

 private:
  static Address next_page(Address address) {
    static const auto page = static_cast<Address>(::sysconf(_SC_PAGESIZE));
    return (address / page + 1) * page;
  }

  ReadMemory read_;
  ByteView pattern_;
  Hits& hits_;
  std::size_t room_;
  std::unique_ptr<std::byte[]> buffer_;
};

/// Memory of a device: to read it may do something to it.
bool is_device(const MemoryMap& map) {
  return map.path.starts_with("/dev/") && !map.path.starts_with("/dev/shm/") && !map.path.starts_with("/dev/zero") &&
         !map.path.starts_with("/dev/hugepages/");
}

}  // namespace

std::vector<Range> search_ranges(const MemoryMaps& maps, const FindOptions& options) {
  if (options.start > options.end) {
    throw UsageError(fmt::format("find: the range starts at {:#x}, behind its end {:#x}", options.start, options.end));
  }
  const MemoryMaps named = options.in.empty() ? maps : maps.filter(options.in);
  if (named.empty()) {
    throw UsageError(
        fmt::format("find: no mapping is called \"{}\"; give a file's name or a part of its path, \"binary\", "
                    "\"libc\", \"heap\" or \"stack\"",
                    options.in));
  }
  std::vector<Range> ranges;
  for (const MemoryMap& map : named) {
    if (!map.readable || (options.in.empty() && is_device(map))) continue;
    const Range range{std::max(map.start, options.start), std::min(map.end, options.end)};
    if (range.start >= range.end) continue;
    if (!ranges.empty() && ranges.back().end == range.start) {
      ranges.back().end = range.end;
    } else {
      ranges.push_back(range);
    }
  }
  return ranges;
}

std::vector<Address> search(ReadMemory read, std::span<const Range> ranges, ByteView pattern,
                            const FindOptions& options) {
  if (pattern.empty()) throw UsageError("find: an empty pattern is everywhere");
  if (options.alignment == 0) throw UsageError("find: the alignment is a number of bytes from 1 on");
  Hits hits(options.alignment, options.limit);
  Search search(read, pattern, hits);
  for (const Range& range : ranges) search.run(range);
  return hits.take();
}

}  // namespace trapline::core
