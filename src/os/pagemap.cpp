#include "os/pagemap.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>

#include <array>

#include "support/fd.hpp"

namespace trapline::os {
namespace {

/// linux/fs.h of Linux 6.7.
struct PageRegion {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t categories = 0;
};
struct PagemapScan {
  std::uint64_t size = sizeof(PagemapScan);
  std::uint64_t flags = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t walk_end = 0;
  std::uint64_t regions = 0;
  std::uint64_t region_count = 0;
  std::uint64_t max_pages = 0;
  std::uint64_t category_inverted = 0;
  std::uint64_t category_mask = 0;
  std::uint64_t category_any_of = 0;
  std::uint64_t return_mask = 0;
};
static_assert(sizeof(PagemapScan) == 96);
constexpr unsigned long pagemap_scan = _IOWR('f', 16, PagemapScan);
constexpr std::uint64_t is_present = 1 << 3;
constexpr std::uint64_t is_swapped = 1 << 4;

}  // namespace

std::optional<std::vector<Pages>> touched_pages(pid_t pid, Pages range) {
  const support::Fd file(::open(fmt::format("/proc/{}/pagemap", pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return std::nullopt;
  std::vector<Pages> touched;
  std::array<PageRegion, 512> regions;
  while (range.start < range.end) {
    PagemapScan scan{.start = range.start,
                     .end = range.end,
                     .regions = reinterpret_cast<std::uint64_t>(regions.data()),
                     .region_count = regions.size(),
                     .category_any_of = is_present | is_swapped,
                     .return_mask = is_present | is_swapped};
    const int count = ::ioctl(file.get(), pagemap_scan, &scan);
    if (count < 0 || scan.walk_end <= range.start) return std::nullopt;
    for (const PageRegion& region : std::span(regions).first(static_cast<std::size_t>(count))) {
      // Present and swapped ones are told apart.
      if (!touched.empty() && touched.back().end == region.start)
        touched.back().end = region.end;
      else
        touched.push_back({region.start, region.end});
    }
    range.start = scan.walk_end;
  }
  return touched;
}

}  // namespace trapline::os
