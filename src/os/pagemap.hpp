#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include <trapline/types.hpp>

namespace trapline::os {

/// Addresses from `start` to before `end`.
struct Pages {
  Address start = 0;
  Address end = 0;

  friend bool operator==(const Pages&, const Pages&) = default;
};

/// Those pages of a range that the process has something in, in memory or swapped out, ascending. Nothing where the
/// kernel cannot tell (PAGEMAP_SCAN, Linux 6.7).
[[nodiscard]] std::optional<std::vector<Pages>> touched_pages(pid_t pid, Pages range);

}  // namespace trapline::os
