#include "core/memory_windows.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace trapline::core {
namespace {

/// What fits the second-level cache beside the scan and is large enough to make the cost of a call nothing.
constexpr std::size_t piece_size = std::size_t{256} * 1024;

Address next_page(Address address) {
  static const auto page = static_cast<Address>(::sysconf(_SC_PAGESIZE));
  return (address / page + 1) * page;
}

}  // namespace

MemoryWindows::MemoryWindows(std::vector<Range> ranges, std::size_t reach)
    : ranges_(std::move(ranges)),
      at_(ranges_.empty() ? 0 : ranges_.front().start),
      room_((reach + 1 + 63) / 64 * 64),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(room_ + piece_size)) {}

/// Moves what is still needed in front of where pieces are read to; returns how much that is.
std::size_t MemoryWindows::keep_tail(std::size_t done) {
  if (window_.last) return 0;
  const std::size_t from = done - std::min<std::size_t>(done, 1);
  const ByteView kept = window_.bytes.subspan(from);
  std::memmove(buffer_.get() + room_ - kept.size(), kept.data(), kept.size());
  window_.fresh = done - from;
  return kept.size();
}

bool MemoryWindows::next(ReadMemory read, std::size_t done) {
  std::size_t kept = keep_tail(done);
  if (kept == 0) window_.fresh = 0;
  std::byte* const piece = buffer_.get() + room_;
  while (index_ < ranges_.size()) {
    const Range& range = ranges_[index_];
    const std::size_t wanted = std::min<std::uint64_t>(piece_size, range.end - at_);
    const std::size_t got = read(at_, {piece, wanted});
    window_.bytes = {piece - kept, kept + got};
    window_.origin = at_ - kept;
    window_.range_start = range.start;
    at_ += got;
    window_.last = got < wanted || at_ == range.end;
    // The top of the address space has no next page.
    if (got < wanted) at_ = next_page(at_) > at_ ? std::min(next_page(at_), range.end) : range.end;
    if (at_ == range.end && ++index_ < ranges_.size()) at_ = ranges_[index_].start;
    if (!window_.bytes.empty()) return true;
  }
  window_ = {.last = true};
  return false;
}

}  // namespace trapline::core
