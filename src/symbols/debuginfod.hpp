#pragma once

#include <memory>
#include <optional>
#include <string>

#include <trapline/types.hpp>

namespace trapline::symbols {

/// Downloads the debug file of a build, through libdebuginfod when that is installed, from the servers that
/// DEBUGINFOD_URLS names, and returns where it is now. Nothing when there is none, and when it takes too long or is
/// cancelled.
[[nodiscard]] std::optional<std::string> download_debug_file(const Bytes& build_id, const SymbolOptions& options);

}  // namespace trapline::symbols
