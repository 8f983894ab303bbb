#include "changes.hpp"

#include <charconv>
#include <cstdint>
#include <string_view>

#include <fmt/format.h>
#include <trapline/error.hpp>

#include "syscall_sets.hpp"

namespace cli {
namespace {

using trapline::UsageError;

/// Decimal, 0x... or 0...; negative too.
std::int64_t parse_number(std::string_view text, const std::string& whole) {
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  int base = 10;
  if (digits.starts_with("0x")) {
    base = 16;
    digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits.starts_with('0')) {
    base = 8;
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) {
    throw UsageError(fmt::format("\"{}\" in \"{}\" is no number", text, whole));
  }
  return static_cast<std::int64_t>(negative ? ~value + 1 : value);
}

struct Assignment {
  std::string left;
  std::string right;
};

Assignment parse_assignment(std::string_view option, const std::string& text, std::size_t at) {
  if (at == std::string::npos || at == 0 || at + 1 == text.size()) {
    throw UsageError(fmt::format("{} wants {}, not \"{}\"", option,
                                 option == "--hijack" ? "OLD=NEW[,argN=VALUE]"
                                 : option == "--skip" ? "NAME=VALUE"
                                                      : "NAME=ERRNO",
                                 text));
  }
  return {text.substr(0, at), text.substr(at + 1)};
}

void place_hijack(const trapline::Process& process, const std::string& text) {
  const auto [original, target] = parse_assignment("--hijack", text, text.find('='));
  const std::vector<std::string> parts = split_list(target);
  trapline::HijackOptions options;
  std::optional<std::uint64_t>* const words[] = {&options.arg0, &options.arg1, &options.arg2,
                                                 &options.arg3, &options.arg4, &options.arg5};
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string& part = parts[i];
    if (part.size() < 6 || !part.starts_with("arg") || part[3] < '0' || part[3] > '5' || part[4] != '=') {
      throw UsageError(fmt::format("\"{}\" in \"{}\" is not argN=VALUE with N from 0 to 5", part, text));
    }
    const std::int64_t value = parse_number(std::string_view(part).substr(5), text);
    *words[part[3] - '0'] = static_cast<std::uint64_t>(value);
  }
  static_cast<void>(process.hijack_syscall(original, parts.front(), options));
}

void place_skip(const trapline::Process& process, const std::string& text) {
  const auto [name, right] = parse_assignment("--skip", text, text.rfind('='));
  const std::int64_t value = parse_number(right, text);
  static_cast<void>(process.handle_syscall(
      name,
      {.on_enter = [value](trapline::Thread& thread, trapline::SyscallHandler&) { thread.skip_syscall(value); }}));
}

void place_failure(const trapline::Process& process, const std::string& text) {
  const auto [name, right] = parse_assignment("--fail", text, text.rfind('='));
  std::optional<int> error = trapline::error_number(right);
  if (!error && right.find_first_not_of("0123456789") == std::string::npos) {
    error = static_cast<int>(parse_number(right, text));
  }
  if (!error || *error <= 0 || *error > 4095)
    throw UsageError(fmt::format("there is no error \"{}\" (as in ENOENT)", right));
  static_cast<void>(
      process.handle_syscall(name, {.on_enter = [error = *error](trapline::Thread& thread, trapline::SyscallHandler&) {
                               thread.fail_syscall(error);
                             }}));
}

}  // namespace

void place_changes(const trapline::Process& process, const Changes& changes) {
  for (const std::string& text : changes.hijacks) place_hijack(process, text);
  for (const std::string& text : changes.skips) place_skip(process, text);
  for (const std::string& text : changes.failures) place_failure(process, text);
}

}  // namespace cli
