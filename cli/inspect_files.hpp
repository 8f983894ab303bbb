#pragma once

#include <string>
#include <vector>

#include <trapline/print_state.hpp>

namespace cli {

/// What there is to tell of files that belong to no process.
struct FileReport {
  std::string text;
  /// A line for each that cannot be told of.
  std::string complaints;
};

/// What the files are protected by: one in detail, several as a table, or as JSON.
[[nodiscard]] FileReport check_files(const std::vector<std::string>& paths, bool json, trapline::Color color);

}  // namespace cli
