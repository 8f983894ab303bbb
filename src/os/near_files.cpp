#include "os/near_files.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "support/text.hpp"

namespace trapline::os {
namespace {

constexpr std::size_t most_shown = 3;

using Found = std::set<std::pair<std::size_t, std::string>>;

void add_near(Found& found, const std::filesystem::path& directory, const std::string& name, bool with_directory) {
  // Short names are near to everything, so they must differ less.
  const std::size_t most = name.size() <= 4 ? 1 : 2;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    const std::string candidate = it->path().filename().string();
    const std::size_t length_difference =
        std::max(candidate.size(), name.size()) - std::min(candidate.size(), name.size());
    if (length_difference > most) continue;
    const std::size_t distance = support::edit_distance(name, candidate);
    if (distance <= most) found.emplace(distance, with_directory ? it->path().string() : candidate);
  }
}

std::string enumerate(const Found& found) {
  std::string text;
  const std::size_t count = std::min(found.size(), most_shown);
  std::size_t shown = 0;
  for (const auto& entry : found) {
    if (shown == count) break;
    if (shown > 0) text += shown + 1 == count ? " or " : ", ";
    text += entry.second;
    ++shown;
  }
  return text;
}

}  // namespace

std::string near_files_text(const std::string& missing) {
  const std::filesystem::path path(missing);
  Found found;
  add_near(found, path.has_parent_path() ? path.parent_path() : ".", path.filename().string(), true);
  return enumerate(found);
}

std::string near_programs_text(const std::string& name, std::string_view search_path) {
  Found found;
  for (std::size_t begin = 0; begin <= search_path.size();) {
    const std::size_t end = std::min(search_path.find(':', begin), search_path.size());
    if (end > begin) add_near(found, search_path.substr(begin, end - begin), name, false);
    begin = end + 1;
  }
  return enumerate(found);
}

}  // namespace trapline::os
