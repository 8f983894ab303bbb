#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "inspect_view.hpp"

namespace cli {

/// The command line of `trapline inspect`, without the command that it may launch.
struct InspectArguments {
  Wanted wanted;
  pid_t pid = 0;
  pid_t thread = 0;
  /// Files that are looked at instead of a process.
  std::vector<std::string> files;
  std::string at;
  std::string signal;
  bool json = false;
  std::string color = "auto";
  bool att = false;
  bool all = false;
  bool debuginfod = false;
};

/// The options and the help; the arguments must outlive the parsing.
void add_inspect_options(CLI::App& app, InspectArguments& arguments);

}  // namespace cli
