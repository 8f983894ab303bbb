#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <trapline/types.hpp>

#include "support/function_ref.hpp"

namespace trapline::core {

struct Range {
  Address start = 0;
  Address end = 0;

  friend bool operator==(const Range&, const Range&) = default;
};

/// Reads what is readable from an address on, and tells how much that was.
using ReadMemory = support::FunctionRef<std::size_t(Address, std::span<std::byte>)>;

/// A piece of memory to be looked through.
struct Window {
  ByteView bytes{};
  /// The address of the first byte.
  Address origin = 0;
  /// The first byte that was not looked at before; what is in front of it is there to be looked back at.
  std::size_t fresh = 0;
  /// Nothing readable follows.
  bool last = false;
  /// Where the range that it is of begins.
  Address range_start = 0;
};

/// Ranges of memory, read piece after piece through one buffer. Pages that cannot be read, or vanish meanwhile, are
/// skipped.
class MemoryWindows {
 public:
  /// `reach` is how many bytes somebody who looks at one may need at once.
  MemoryWindows(std::vector<Range> ranges, std::size_t reach);

  /// Reads on; false at the end. The next window begins where the current one was looked at up to, an offset that is
  /// less than `reach` from its end, or a byte before that.
  bool next(ReadMemory read, std::size_t done);
  [[nodiscard]] const Window& window() const { return window_; }

 private:
  [[nodiscard]] std::size_t keep_tail(std::size_t done);

  std::vector<Range> ranges_;
  std::size_t index_ = 0;
  /// What is read next.
  Address at_ = 0;
  /// In front of where pieces are read to, for what is kept of the one before.
  std::size_t room_;
  std::unique_ptr<std::byte[]> buffer_;
  Window window_{.last = true};
};

}  // namespace trapline::core
