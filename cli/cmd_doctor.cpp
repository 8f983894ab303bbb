#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <trapline/host_checks.hpp>
#include <trapline/trapline.hpp>

#include "command.hpp"

namespace cli {
namespace {

using trapline::CheckStatus;
using trapline::HostCheck;

/// Something makes tracing impossible or limits it.
constexpr int limited = 1;

constexpr const char* footer =
    R"(It launches a few short-lived processes of its own (/bin/true, /bin/sleep), traces them, and leaves nothing behind.

Each line begins with
  ok       it works
  missing  it is not there, and tracing works without it
  problem  it makes tracing impossible, or limits it
and a line below tells what to do about it.

Examples:
  trapline doctor
  trapline doctor --json | jq -r '.checks[] | select(.status != "ok") | .name'
  docker run --rm --cap-add=SYS_PTRACE IMAGE trapline doctor

Exit status:
  0    all that matters works; something may be missing
  1    there is a problem: tracing is impossible here, or limited
  2    the command line was not understood
  125  trapline itself failed: the output cannot be written)";

class HelpText : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App*, std::string) const override { return "Usage: trapline doctor [OPTIONS]\n"; }
};

/// What the machine tells may hold anything; a terminal gets nothing but text.
std::string printable(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    result += byte < 0x20 || byte >= 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return result;
}

bool wants_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

std::string painted(CheckStatus status, bool colour) {
  const std::string word = fmt::format("{:<8}", trapline::to_string(status));
  if (!colour) return word;
  switch (status) {
    case CheckStatus::ok: return "\033[32m" + word + "\033[0m";
    case CheckStatus::missing: return "\033[33m" + word + "\033[0m";
    case CheckStatus::problem: return "\033[1;31m" + word + "\033[0m";
  }
  return word;
}

std::string summary(const std::vector<HostCheck>& checks) {
  std::string problems;
  bool launches = true;
  for (const HostCheck& check : checks) {
    if (check.status != CheckStatus::problem) continue;
    problems += (problems.empty() ? "" : ", ") + check.name;
    launches &= check.name != "launch";
  }
  if (problems.empty()) return "Tracing works here.\n";
  return fmt::format("Tracing is {} here: {}.\n", launches ? "limited" : "impossible", problems);
}

std::string as_text(const std::vector<HostCheck>& checks) {
  const bool colour = wants_colour();
  std::size_t width = 0;
  for (const HostCheck& check : checks) width = std::max(width, check.name.size());
  std::string text;
  for (const HostCheck& check : checks) {
    text += fmt::format("{} {:<{}}  {}\n", painted(check.status, colour), check.name, width, printable(check.detail));
    const bool helps = check.status != CheckStatus::ok && !check.remedy.empty();
    if (helps) text += fmt::format("{:{}}-> {}\n", "", width + 11, printable(check.remedy));
  }
  return text + summary(checks);
}

std::string as_json(const std::vector<HostCheck>& checks, bool works) {
  nlohmann::ordered_json document;
  document["version"] = TRAPLINE_VERSION;
  document["works"] = works;
  document["checks"] = nlohmann::ordered_json::array();
  for (const HostCheck& check : checks) {
    document["checks"].push_back({{"name", check.name},
                                  {"status", trapline::to_string(check.status)},
                                  {"detail", check.detail},
                                  {"remedy", check.remedy}});
  }
  // What the machine tells may be no UTF-8.
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

int doctor(bool json) {
  const std::vector<HostCheck> checks = trapline::check_host();
  const bool works =
      std::ranges::none_of(checks, [](const HostCheck& check) { return check.status == CheckStatus::problem; });
  const std::string text = json ? as_json(checks, works) : as_text(checks);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    fmt::print(stderr, "trapline: the output cannot be written\n");
    return failed;
  }
  return works ? success : limited;
}

}  // namespace

Run add_doctor(CLI::App& app) {
  CLI::App* doctor_app =
      app.add_subcommand("doctor", "Tells whether processes can be traced here, and what is in the way.");
  const auto json = std::make_shared<bool>(false);
  doctor_app->add_flag("--json", *json, "Print one JSON object, for programs");
  doctor_app->formatter(std::make_shared<HelpText>());
  doctor_app->footer(footer);
  return [=](const std::vector<std::string>& behind_dashes) {
    if (behind_dashes.size() > 1) throw trapline::UsageError("doctor takes no arguments");
    return doctor(*json);
  };
}

}  // namespace cli
