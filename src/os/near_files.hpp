#pragma once

#include <string>
#include <string_view>

namespace trapline::os {

/// Up to three files of the same directory whose names are nearly that of the missing one: "a, b or c"; empty when none
/// is.
[[nodiscard]] std::string near_files_text(const std::string& missing);
/// The same among the programs of a PATH.
[[nodiscard]] std::string near_programs_text(const std::string& name, std::string_view search_path);

}  // namespace trapline::os
