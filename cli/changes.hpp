#pragma once

#include <string>
#include <vector>

#include <trapline/debugger.hpp>

namespace cli {

/// What --hijack, --skip and --fail were given.
struct Changes {
  std::vector<std::string> hijacks;
  std::vector<std::string> skips;
  std::vector<std::string> failures;
};

/// Places the handlers that make the changes; throws UsageError for what cannot be understood.
void place_changes(const trapline::Process& process, const Changes& changes);

}  // namespace cli
