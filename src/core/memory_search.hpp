#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <trapline/maps.hpp>
#include <trapline/memory.hpp>

#include "support/function_ref.hpp"

namespace trapline::core {

struct Range {
  Address start = 0;
  Address end = 0;

  friend bool operator==(const Range&, const Range&) = default;
};

/// The readable memory that the options name, neighbouring mappings joined; throws UsageError when nothing has that
/// name.
[[nodiscard]] std::vector<Range> search_ranges(const MemoryMaps& maps, const FindOptions& options);

/// Reads what is readable from an address on, and tells how much that was.
using ReadMemory = support::FunctionRef<std::size_t(Address, std::span<std::byte>)>;

/// Addresses of all occurrences in the ranges, overlapping ones too, ascending; pages that cannot be read are skipped.
[[nodiscard]] std::vector<Address> search(ReadMemory read, std::span<const Range> ranges, ByteView pattern,
                                          const FindOptions& options);

}  // namespace trapline::core
