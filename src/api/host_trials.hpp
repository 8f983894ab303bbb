#pragma once

#include <vector>

#include <trapline/host_checks.hpp>

namespace trapline {

/// What check_host() tries out with processes of its own.
[[nodiscard]] std::vector<HostCheck> try_tracing();

}  // namespace trapline
