#include "inspect_files.hpp"

#include <sstream>

#include "inspect_each.hpp"
#include "inspect_json.hpp"

namespace cli {
namespace {

FileReport as_text(const std::vector<std::string>& paths, trapline::Color color) {
  FileReport report;
  std::vector<trapline::ElfFile> files;
  try {
    each(paths, [&](const std::string& path) { files.emplace_back(path); });
  } catch (const NotThere& error) {
    report.complaints = error.what();
  }
  std::ostringstream out;
  if (paths.size() == 1 && files.size() == 1) trapline::print_mitigations(out, files.front(), {.color = color});
  if (paths.size() > 1 && !files.empty()) trapline::print_mitigations(out, files, {.color = color});
  report.text = std::move(out).str();
  return report;
}

FileReport as_json(const std::vector<std::string>& paths) {
  FileReport report;
  const Json list =
      entries("path", paths, [](Json& one, const std::string& path) { one.update(to_json(trapline::ElfFile(path))); });
  for (const Json& one : list) {
    if (!one.contains("error")) continue;
    report.complaints += (report.complaints.empty() ? "" : "\n") + one["error"].get<std::string>();
  }
  report.text = Json{{"checksec", list}}.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
  return report;
}

}  // namespace

FileReport check_files(const std::vector<std::string>& paths, bool json, trapline::Color color) {
  return json ? as_json(paths) : as_text(paths, color);
}

}  // namespace cli
