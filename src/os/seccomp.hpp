#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <vector>

namespace trapline::os {

/// A syscall that is of interest only when its first argument is.
struct FilterGuard {
  enum class Test {
    is_one_of_two,  ///< the value, or the next one
    has_bits,
  };

  std::uint32_t number = 0;
  Test test = Test::is_one_of_two;
  std::uint32_t value = 0;
};

/// The syscalls of one table that a filter is about.
struct FilterTable {
  /// AUDIT_ARCH_* (linux/audit.h).
  std::uint32_t audit_arch = 0;
  /// In ascending order.
  std::vector<std::uint32_t> numbers;
  /// Of other numbers, in ascending order.
  std::vector<FilterGuard> guards{};
};

/// A seccomp program that stops the thread for its tracer at these calls and lets all others pass. Calls of the x32
/// table fail with ENOSYS, as on a kernel without it. Takes time logarithmic in the numbers, and what always passes the
/// kernel finds out once. With each stop it says the mark (SECCOMP_RET_DATA).
[[nodiscard]] std::vector<sock_filter> stop_at(std::span<const FilterTable> tables, std::uint16_t mark);

/// Whether the kernel has seccomp filters, tells how many a thread has (Linux 5.9) and what stopped one (5.3).
[[nodiscard]] bool filters_usable();

}  // namespace trapline::os
