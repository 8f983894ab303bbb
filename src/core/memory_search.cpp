#include "core/memory_search.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <trapline/error.hpp>

namespace trapline::core {
namespace {

/// What is looked for ahead of what was asked for: a search may be given up after any match.
constexpr std::size_t most_at_once = 512;

/// Memory of a device: to read it may do something to it.
bool is_device(const MemoryMap& map) {
  return map.path.starts_with("/dev/") && !map.path.starts_with("/dev/shm/") && !map.path.starts_with("/dev/zero") &&
         !map.path.starts_with("/dev/hugepages/");
}

/// Worth the question what of it was touched.
bool is_large_and_anonymous(const MemoryMap& map) {
  constexpr std::uint64_t large = std::uint64_t{64} << 20;
  return map.size() >= large && map.inode == 0 && !map.shared && (map.path.empty() || map.path.starts_with("[anon:"));
}

bool means_all(const std::string& name) { return name.empty() || name == "*" || name == "all"; }

MemoryMaps named_maps(const MemoryMaps& maps, const std::string& name) {
  if (means_all(name)) return maps;
  MemoryMaps named = maps.filter(name);
  if (!named.empty()) return named;
  throw UsageError(
      fmt::format("find: no mapping is called \"{}\"; give a file's name or a part of its path, \"binary\", "
                  "\"libc\", \"heap\" or \"stack\"",
                  name));
}

void join(std::vector<Range>& ranges, const Range& range) {
  if (range.start >= range.end) return;
  if (!ranges.empty() && ranges.back().end == range.start) {
    ranges.back().end = range.end;
  } else {
    ranges.push_back(range);
  }
}

}  // namespace

std::vector<Range> search_ranges(const MemoryMaps& maps, const FindOptions& options) {
  if (options.start > options.end) {
    throw UsageError(fmt::format("find: the range starts at {:#x}, behind its end {:#x}", options.start, options.end));
  }
  std::vector<Range> ranges;
  for (const MemoryMap& map : named_maps(maps, options.in).with_permissions(options.permissions)) {
    if (!map.readable || (means_all(options.in) && is_device(map))) continue;
    join(ranges, {std::max(map.start, options.start), std::min(map.end, options.end)});
  }
  return ranges;
}

std::vector<Range> area_ranges(const MemoryMaps& maps, const Area& area) {
  if (area.start() > area.end()) {
    throw UsageError(fmt::format("find: an area starts at {:#x}, behind its end {:#x}", area.start(), area.end()));
  }
  std::vector<Range> ranges;
  for (const MemoryMap& map : named_maps(maps, area.name())) {
    join(ranges, {std::max(map.start, area.start()), std::min(map.end, area.end())});
  }
  return ranges;
}

std::vector<Range> without_untouched(const std::vector<Range>& ranges, const MemoryMaps& maps, std::size_t reach,
                                     TouchedRanges touched) {
  std::vector<Range> left;
  const auto add = [&](const Range& range) {
    if (!left.empty() && left.back().end >= range.start) {
      left.back().end = std::max(left.back().end, range.end);
    } else {
      left.push_back(range);
    }
  };
  constexpr Address page = 4096;
  const Address margin = (reach + page - 1) / page * page;
  for (const Range& range : ranges) {
    auto map = std::ranges::upper_bound(maps, range.start, {}, &MemoryMap::end);
    for (; map != maps.end() && map->start < range.end; ++map) {
      const Range part{std::max(map->start, range.start), std::min(map->end, range.end)};
      const auto known = is_large_and_anonymous(*map) ? touched(part) : std::nullopt;
      if (!known) {
        add(part);
        continue;
      }
      for (const Range& each : *known) {
        add({each.start - range.start > margin ? each.start - margin : range.start,
             range.end - each.end > margin ? each.end + margin : range.end});
      }
    }
  }
  return left;
}

MemorySearch::MemorySearch(std::vector<Range> ranges, std::shared_ptr<const Matcher> matcher,
                           const FindOptions& options)
    : matcher_(std::move(matcher)),
      windows_(std::move(ranges), matcher_->reach()),
      sink_(options.alignment, 0),
      left_(options.limit) {
  if (options.alignment == 0) throw UsageError("find: the alignment is a number of bytes from 1 on");
}

std::optional<Match> MemorySearch::next(ReadMemory read) {
  if (left_ == 0) return std::nullopt;
  if (taken_ == sink_.matches().size() && !fill(read)) {
    left_ = 0;
    return std::nullopt;
  }
  --left_;
  return sink_.matches()[taken_++];
}

/// Looks for more matches; false when there are none.
bool MemorySearch::fill(ReadMemory read) {
  taken_ = 0;
  sink_.clear(std::min(left_, most_at_once));
  for (;;) {
    if (at_end_of_window_) {
      if (!windows_.next(read, done_)) return false;
      done_ = windows_.window().fresh;
    }
    done_ = matcher_->scan(windows_.window(), done_, sink_);
    at_end_of_window_ = !sink_.full();
    if (!sink_.matches().empty()) return true;
  }
}

}  // namespace trapline::core
