#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <vector>

namespace trapline::os {

/// The syscalls of one table that a filter is about.
struct FilterTable {
  /// AUDIT_ARCH_* (linux/audit.h).
  std::uint32_t audit_arch = 0;
  /// In ascending order.
  std::vector<std::uint32_t> numbers;
};

/// What a filter of ours says with a stop: tells it from one that the program installed (SECCOMP_RET_DATA).
constexpr std::uint16_t filter_mark = 0x7472;

/// A seccomp program that stops the thread for its tracer at these calls and lets all others pass. Calls of the x32
/// table fail with ENOSYS, as on a kernel without it. Takes time logarithmic in the numbers, and what always passes the
/// kernel finds out once.
[[nodiscard]] std::vector<sock_filter> stop_at(std::span<const FilterTable> tables);

/// Whether the kernel has seccomp filters, tells how many a thread has (Linux 5.9) and what stopped one (5.3).
[[nodiscard]] bool filters_usable();

}  // namespace trapline::os
