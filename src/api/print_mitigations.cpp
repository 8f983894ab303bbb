#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ostream>

#include <trapline/print_state.hpp>

#include "api/print_style.hpp"
#include "support/text.hpp"

namespace trapline {
namespace {

using print::Painter;
using print::Tone;

/// One protection: a word for the table, what more there is to say, and how good that is.
struct Finding {
  std::string word;
  std::string remark{};
  Tone tone = Tone::plain;
};

constexpr std::size_t protections = 6;
constexpr std::array<std::string_view, protections> titles{"RELRO", "canary", "NX", "PIE", "FORTIFY", "CFI"};

Finding found_or_missing(bool found) { return {found ? "yes" : "no", "", found ? Tone::good : Tone::bad}; }

Finding relro_of(const ElfMitigations& facts) {
  const Tone tone = facts.relro == Relro::full ? Tone::good : facts.relro == Relro::partial ? Tone::flow : Tone::bad;
  return {std::string(to_string(facts.relro)), facts.relro == Relro::partial ? "the GOT stays writable" : "", tone};
}

Finding nx_of(const ElfMitigations& facts) {
  if (!facts.nx) return {"-"};
  Finding finding = found_or_missing(*facts.nx);
  if (!*facts.nx) finding.remark = "the stack is executable";
  return finding;
}

Finding pie_of(const ElfFile& file) {
  if (file.type() == ElfType::shared && !file.mitigations().pie) return {"library"};
  if (file.type() != ElfType::executable && !file.mitigations().pie) return {"-"};
  Finding finding = found_or_missing(file.mitigations().pie);
  if (!file.mitigations().pie) finding.remark = "the program is always at the same address";
  return finding;
}

Finding fortify_of(const ElfMitigations& facts) {
  const std::size_t all = facts.fortified.size() + facts.unfortified.size();
  if (all == 0) return {"-", "it calls nothing that could be checked"};
  return {fmt::format("{}/{}", facts.fortified.size(), all), "functions of libc are called in their checked form",
          facts.fortified.empty() ? Tone::bad : Tone::good};
}

/// Checks of the control flow, as far as the machine has any.
Finding control_flow_of(const ElfFile& file) {
  const ElfMitigations& facts = file.mitigations();
  std::vector<std::string_view> names;
  if (facts.ibt) names.emplace_back("IBT");
  if (facts.shstk) names.emplace_back("SHSTK");
  if (facts.bti) names.emplace_back("BTI");
  if (facts.pac) names.emplace_back("PAC");
  if (facts.gcs) names.emplace_back("GCS");
  // Most distributions build without; it is no oversight of the program's author.
  if (names.empty()) return {"no", "", Tone::faint};
  return {fmt::format("{}", fmt::join(names, "+")), "", Tone::good};
}

std::array<Finding, protections> findings_of(const ElfFile& file) {
  const ElfMitigations& facts = file.mitigations();
  return {relro_of(facts),   found_or_missing(facts.canary), nx_of(facts), pie_of(file),
          fortify_of(facts), control_flow_of(file)};
}

/// What is dangerous, or tells about the making; there is nothing to say of most files.
std::vector<Finding> extras_of(const ElfMitigations& facts) {
  std::vector<Finding> extras;
  const auto folders = [&](const char* name, const std::vector<std::string>& list) {
    if (list.empty()) return;
    std::string text;
    for (const std::string& folder : list) text += (text.empty() ? "" : ":") + support::escape(folder);
    extras.push_back({fmt::format("{}={}", name, text), "", Tone::bad});
  };
  folders("RPATH", facts.rpath);
  folders("RUNPATH", facts.runpath);
  if (facts.writable_code) extras.push_back({"writable-code", "", Tone::bad});
  if (facts.text_relocations) extras.push_back({"TEXTREL", "", Tone::bad});
  if (facts.asan) extras.push_back({"ASan"});
  if (facts.ubsan) extras.push_back({"UBSan"});
  if (facts.msan) extras.push_back({"MSan"});
  if (facts.tsan) extras.push_back({"TSan"});
  if (!facts.stripped) extras.push_back({"symbols"});
  if (facts.debug_info) extras.push_back({"DWARF"});
  return extras;
}

std::string in_words(const Painter& paint, const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) text += (text.empty() ? "" : " ") + paint(finding.tone, finding.word);
  return text;
}

std::string kind_of(const ElfFile& file) {
  const std::string_view machine = elf_machine_name(file.machine());
  const bool library = file.type() == ElfType::shared && !file.mitigations().pie;
  const std::string_view kind = library ? "library" : file.mitigations().pie ? "program" : to_string(file.type());
  return fmt::format("{} {}", machine.empty() ? fmt::format("machine {}", file.machine()) : machine, kind);
}

}  // namespace

void print_mitigations(std::ostream& out, const ElfFile& file, const PrintStyle& style) {
  const Painter paint(out, style.color);
  constexpr std::size_t width = 9;
  const auto row = [&](std::string_view title, const Finding& finding) {
    std::string line = std::string(title) + print::padding(title.size(), width) + paint(finding.tone, finding.word);
    if (!finding.remark.empty()) line += ": " + finding.remark;
    return line + '\n';
  };
  std::string text = paint(Tone::strong, support::escape(file.path())) + ", " + kind_of(file) + '\n';
  const auto findings = findings_of(file);
  for (std::size_t i = 0; i < protections; ++i) text += row(titles[i], findings[i]);
  if (const auto extras = extras_of(file.mitigations()); !extras.empty()) {
    text += "also" + print::padding(4, width) + in_words(paint, extras) + '\n';
  }
  if (const std::string id = file.build_id(); !id.empty()) text += row("build id", {id});
  out << text;
}

void print_mitigations(std::ostream& out, const std::vector<ElfFile>& files, const PrintStyle& style) {
  const Painter paint(out, style.color);
  std::array<std::size_t, protections> widths{};
  for (std::size_t i = 0; i < protections; ++i) widths[i] = titles[i].size();
  for (const ElfFile& file : files) {
    const auto findings = findings_of(file);
    for (std::size_t i = 0; i < protections; ++i) widths[i] = std::max(widths[i], findings[i].word.size());
  }
  std::string text;
  for (std::size_t i = 0; i < protections; ++i) {
    text += paint(Tone::strong, titles[i]) + print::padding(titles[i].size(), widths[i] + 2);
  }
  text += paint(Tone::strong, "file") + '\n';
  for (const ElfFile& file : files) {
    const auto findings = findings_of(file);
    for (std::size_t i = 0; i < protections; ++i) {
      text += paint(findings[i].tone, findings[i].word) + print::padding(findings[i].word.size(), widths[i] + 2);
    }
    text += support::escape(file.path());
    if (const auto extras = extras_of(file.mitigations()); !extras.empty()) text += "  " + in_words(paint, extras);
    text += '\n';
  }
  out << text;
}

}  // namespace trapline
