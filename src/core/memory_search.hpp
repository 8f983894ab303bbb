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
