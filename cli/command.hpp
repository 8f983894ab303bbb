#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace cli {

/// The exit statuses of the program itself; besides them it ends like the program that it runs. As of timeout(1).
enum Status : int { success = 0, bad_usage = 2, failed = 125, not_executable = 126, not_found = 127 };

/// Runs a subcommand whose arguments were parsed, and returns the exit status. It is given what stood behind the first
/// `--`, with that, or nothing.
using Run = std::function<int(const std::vector<std::string>& behind_dashes)>;
/// Adds a subcommand to the program and returns what runs it. One such function per subcommand, listed in main.cpp.
using AddCommand = Run (*)(CLI::App& app);

Run add_doctor(CLI::App& app);
Run add_inspect(CLI::App& app);
Run add_trace(CLI::App& app);

}  // namespace cli
