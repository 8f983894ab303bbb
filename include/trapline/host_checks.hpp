#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <trapline/types.hpp>

namespace trapline {

enum class CheckStatus {
  ok,       ///< it works, or is as it should be
  missing,  ///< it is not there, and tracing works without it
  problem,  ///< it makes tracing impossible or limits it
};

/// One fact about the host that matters for tracing.
struct HostCheck {
  /// In lower case: `"ptrace_scope"`. Names stay the same, so that programs can look for them.
  std::string name{};
  CheckStatus status = CheckStatus::ok;
  /// What was found.
  std::string detail{};
  /// What to do about it; empty when there is nothing to be done, or no need.
  std::string remedy{};
};

/// Whether processes can be traced here, and what is in the way. It really tries: launches /bin/true several times,
/// stops it, changes it and lets it end, which takes a few tenths of a second. It throws nothing; what fails is a
/// check's result. Any thread.
[[nodiscard]] TRAPLINE_API std::vector<HostCheck> check_host();

[[nodiscard]] TRAPLINE_API std::string_view to_string(CheckStatus status);

}  // namespace trapline
