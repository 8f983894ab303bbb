#pragma once

#include <iosfwd>

#include <nlohmann/json_fwd.hpp>

namespace cli {

struct View;
struct Wanted;

// What is looked up in a process: --symbol, --address, --line, --function and --memory. As text each shows what is
// there and then throws NotThere for what is not; as data that is an "error" in its place.

void show_symbols(const View& view, std::ostream& out);
void show_addresses(const View& view, std::ostream& out);
void show_code_lines(const View& view, std::ostream& out);
void show_functions(const View& view, std::ostream& out);
void show_memory(const View& view, std::ostream& out);

[[nodiscard]] nlohmann::ordered_json symbols_data(const View& view);
[[nodiscard]] nlohmann::ordered_json addresses_data(const View& view);
[[nodiscard]] nlohmann::ordered_json code_lines_data(const View& view);
[[nodiscard]] nlohmann::ordered_json functions_data(const View& view);
[[nodiscard]] nlohmann::ordered_json memory_data(const View& view);

/// Throws UsageError when a piece of --memory cannot be understood; before anything is touched.
void check_lookups(const Wanted& wanted);

}  // namespace cli
