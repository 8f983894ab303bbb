#pragma once

#include <iosfwd>

#include <nlohmann/json_fwd.hpp>

namespace cli {

struct View;
struct Wanted;

// What is searched for in the memory of a process: --telescope, --find and --pointers. As text each shows what is there
// and then throws NotThere for what is not; as data that is an "error" in its place.

void show_chains(const View& view, std::ostream& out);
void show_found(const View& view, std::ostream& out);
void show_pointers(const View& view, std::ostream& out);

[[nodiscard]] nlohmann::ordered_json chains_data(const View& view);
[[nodiscard]] nlohmann::ordered_json found_data(const View& view);
[[nodiscard]] nlohmann::ordered_json pointers_data(const View& view);

/// Throws UsageError when a pattern or the permissions of --find cannot be understood; before anything is touched.
void check_patterns(const Wanted& wanted);

}  // namespace cli
