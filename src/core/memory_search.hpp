#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include <trapline/maps.hpp>
#include <trapline/search.hpp>

#include "core/matcher.hpp"
#include "core/memory_windows.hpp"

namespace trapline::core {

/// The readable memory that the options name, neighbouring mappings joined; throws UsageError when nothing has that
/// name.
[[nodiscard]] std::vector<Range> search_ranges(const MemoryMaps& maps, const FindOptions& options);
/// What an area covers, readable or not; throws UsageError when nothing has that name.
[[nodiscard]] std::vector<Range> area_ranges(const MemoryMaps& maps, const Area& area);

/// Tells which part of a range of anonymous memory the process has ever touched; nothing when that is not known.
using TouchedRanges = support::FunctionRef<std::optional<std::vector<Range>>(Range)>;
/// The ranges without what was never touched in large anonymous mappings: it is nothing but zeros, there may be
/// terabytes of it, and to read it would give the process page tables for it. What is within `reach` of the rest stays.
[[nodiscard]] std::vector<Range> without_untouched(const std::vector<Range>& ranges, const MemoryMaps& maps,
                                                   std::size_t reach, TouchedRanges touched);

/// The search for one pattern, at the place where it was interrupted.
class MemorySearch {
 public:
  MemorySearch(std::vector<Range> ranges, std::shared_ptr<const Matcher> matcher, const FindOptions& options);

  /// The next match; nothing at the end.
  [[nodiscard]] std::optional<Match> next(ReadMemory read);

 private:
  [[nodiscard]] bool fill(ReadMemory read);

  std::shared_ptr<const Matcher> matcher_;
  MemoryWindows windows_;
  MatchSink sink_;
  /// Which of the sink's matches is next.
  std::size_t taken_ = 0;
  /// Up to where the window was looked at.
  std::size_t done_ = 0;
  bool at_end_of_window_ = true;
  /// How many matches may still be given.
  std::size_t left_;
};

}  // namespace trapline::core
