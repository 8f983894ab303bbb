#include <algorithm>
#include <cstdio>
#include <exception>
#include <vector>

#include <fmt/format.h>
#include <trapline/trapline.hpp>

#include "command.hpp"
#include "outcome.hpp"

namespace {

constexpr cli::AddCommand commands[] = {cli::add_trace, cli::add_inspect, cli::add_doctor};

int complain(const std::string& command, const std::string& text) {
  fmt::print(stderr, "trapline: {}\nTry 'trapline {}--help'.\n", text, command.empty() ? "" : command + ' ');
  return cli::bad_usage;
}

/// What is wrong with a line that chooses no command.
std::string no_command(const CLI::App& app, const std::vector<std::string>& words) {
  std::string names;
  for (const CLI::App* command : app.get_subcommands({})) names += (names.empty() ? "" : ", ") + command->get_name();
  if (words.empty()) return "give a command: " + names;
  if (words.front().starts_with('-')) return "unknown option " + words.front();
  return fmt::format("there is no command \"{}\", only: {}", words.front(), names);
}

/// `help trace` is `trace --help`, and `help` alone `--help`.
std::vector<std::string> arguments(int argc, char** argv) {
  std::vector<std::string> list(argv + 1, argv + argc);
  if (!list.empty() && list.front() == "help") {
    list.erase(list.begin());
    list.resize(std::min<std::size_t>(list.size(), 1));
    list.emplace_back("--help");
  }
  return list;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Watches and changes what a running program asks of the kernel.", "trapline");
  app.set_version_flag("--version", "trapline " TRAPLINE_VERSION);
  app.require_subcommand(1);
  app.footer("'trapline help COMMAND' tells more about a command.");
  std::vector<std::pair<CLI::App*, cli::Run>> runs;
  for (const auto add : commands) {
    cli::Run run = add(app);
    runs.emplace_back(app.get_subcommands({}).back(), std::move(run));
  }
  // CLI11 sorts what stands behind a -- by rules of its own; and it takes the arguments from the back.
  std::vector<std::string> before = arguments(argc, argv);
  const auto dashes = std::ranges::find(before, "--");
  const std::vector<std::string> behind(dashes, before.end());
  before.erase(dashes, before.end());
  const std::vector<std::string> words = before;
  std::ranges::reverse(before);
  std::string chosen;
  try {
    app.parse(before);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    for (const auto& [command, run] : runs) {
      if (command->parsed()) chosen = command->get_name();
    }
    return complain(chosen, chosen.empty() ? no_command(app, words) : error.what());
  }
  for (const auto& [command, run] : runs) {
    if (!command->parsed()) continue;
    try {
      return run(behind);
    } catch (const trapline::UsageError& error) {
      return complain(command->get_name(), error.what());
    } catch (const std::exception& error) {
      fmt::print(stderr, "trapline: {}\n", error.what());
      return cli::failed;
    }
  }
  return cli::bad_usage;
}
