#include "symbols/cxx_name.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

namespace trapline::symbols {
namespace {

constexpr std::string_view operator_word = "operator";

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

bool is_mangled(std::string_view name) { return name.starts_with("_Z"); }

/// Each `S0_` repeats a part of the name, which may repeat others: so many of them can stand for a text of gigabytes.
/// With 40 it is megabytes at worst; among 75,000 names of LLVM and clang none has more.
bool is_bomb(std::string_view mangled) {
  constexpr std::size_t longest = 2048;
  constexpr std::size_t most_references = 40;
  if (mangled.size() > longest) return true;
  std::size_t references = 0;
  for (std::size_t i = 0; i < mangled.size(); ++i) {
    if (mangled[i] != 'S' && mangled[i] != 'T') continue;
    std::size_t end = i + 1;
    while (end < mangled.size() &&
           ((mangled[end] >= '0' && mangled[end] <= '9') || (mangled[end] >= 'A' && mangled[end] <= 'Z')))
      ++end;
    if (end < mangled.size() && mangled[end] == '_') ++references;
  }
  return references > most_references;
}

/// Where `operator` with its sign ends when one begins here, otherwise the same place.
std::size_t skip_operator(std::string_view text, std::size_t at) {
  if (text.substr(at, operator_word.size()) != operator_word) return at;
  if (at > 0 && is_word(text[at - 1])) return at;
  const std::size_t sign = at + operator_word.size();
  if (text.substr(sign, 2) == "()") return sign + 2;
  std::size_t end = sign;
  while (end < text.size() && std::string_view("<>=!-+*/%&|^~,").find(text[end]) != std::string_view::npos) {
    // `operator<<int>` is the operator `<` with an argument; `operator<< <int>` has a space.
    if (text[end] == '<' && end > sign && text.substr(sign, 2) != "<<" && text.substr(sign, 2) != "<=") break;
    ++end;
  }
  return end == sign ? at : end;
}

/// Without the spaces that C++ does not need.
std::string squeezed(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ' || text[i] == '\t') {
      const std::size_t next = text.find_first_not_of(" \t", i);
      const bool needed =
          !result.empty() && is_word(result.back()) && next != std::string_view::npos && is_word(text[next]);
      if (needed) result += ' ';
      i = std::min(next, text.size()) - 1;
      continue;
    }
    result += text[i];
  }
  return result;
}

/// Without every bracketed part `<...>`, or `[abi:...]`.
std::string without_arguments(std::string_view text) {
  std::string result;
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (const std::size_t end = skip_operator(text, i); end != i) {
      if (depth == 0) result += text.substr(i, end - i);
      i = end - 1;
      continue;
    }
    // In `decltype(a->b)` it closes nothing.
    const bool arrow = text[i] == '>' && i > 0 && text[i - 1] == '-';
    if (text[i] == '<') ++depth;
    if (depth == 0) result += text[i];
    if (text[i] == '>' && depth > 0 && !arrow) --depth;
  }
  return result;
}

std::string without_tags(std::string text) {
  for (std::size_t tag = 0; (tag = text.find("[abi:", tag)) != std::string::npos;) {
    const std::size_t end = text.find(']', tag);
    if (end == std::string::npos) break;
    text.erase(tag, end - tag + 1);
  }
  return text;
}

/// Where the list of parameters begins; npos without one.
std::size_t parameters_at(std::string_view text) {
  const std::size_t close = text.rfind(')');
  if (close == std::string_view::npos) return std::string_view::npos;
  // What may be behind it: const, volatile, noexcept, & and &&.
  const std::string_view behind = text.substr(close + 1);
  if (behind.find(':') != std::string_view::npos || behind.find('>') != std::string_view::npos ||
      behind.find('}') != std::string_view::npos) {
    return std::string_view::npos;
  }
  std::size_t depth = 0;
  for (std::size_t i = close + 1; i > 0; --i) {
    if (text[i - 1] == ')') ++depth;
    if (text[i - 1] != '(' || --depth > 0) continue;
    const std::size_t open = i - 1;
    const bool is_operator = text.substr(0, open).ends_with(operator_word);
    const bool anonymous = text.substr(open) == "(anonymous namespace)";
    return is_operator || anonymous || open == 0 ? std::string_view::npos : open;
  }
  return std::string_view::npos;
}

/// Only instances of function templates have their return type in their names.
std::size_t name_begins_at(std::string_view text) {
  const std::string_view base = text.substr(0, parameters_at(text));
  if (!base.ends_with('>')) return 0;
  std::size_t depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < base.size(); ++i) {
    if (const std::size_t end = skip_operator(base, i); end != i) {
      i = end - 1;
      continue;
    }
    const char c = base[i];
    if (c == '<' || c == '(' || c == '{') ++depth;
    if ((c == '>' || c == ')' || c == '}') && depth > 0) --depth;
    if (c == ' ' && depth == 0 && !base.substr(0, i).ends_with(operator_word)) begin = i + 1;
  }
  return begin;
}

/// Vtables, guards, thunks and the like: they are about a name, which is not theirs.
bool is_special(std::string_view mangled) { return mangled.starts_with("_ZT") || mangled.starts_with("_ZG"); }

/// Empty when it is the name of nothing in C++: `main+0x10`, `file.c:42`.
std::string needle_in(std::string_view base) {
  // These have abbreviations of their own.
  constexpr std::array<std::string_view, 7> abbreviated{"std",     "string",  "basic_string", "allocator",
                                                        "istream", "ostream", "iostream"};
  std::string_view rest = base;
  bool possible = false;
  while (!rest.empty()) {
    const std::size_t colons = rest.rfind("::");
    std::string_view part = colons == std::string_view::npos ? rest : rest.substr(colons + 2);
    rest = colons == std::string_view::npos ? std::string_view() : rest.substr(0, colons);
    if (part.starts_with('~')) part.remove_prefix(1);
    if (const std::size_t tag = part.find('['); tag != std::string_view::npos) part = part.substr(0, tag);
    const bool conversion = part.starts_with(operator_word) &&
                            (part.size() == operator_word.size() || !is_word(part[operator_word.size()]));
    const bool abbreviation = std::ranges::find(abbreviated, part) != abbreviated.end();
    possible = possible || conversion || abbreviation;
    if (part.empty() || conversion || abbreviation || !std::ranges::all_of(part, is_word)) continue;
    return std::to_string(part.size()) + std::string(part);
  }
  return possible ? "_Z" : "";
}

}  // namespace

std::string demangle(std::string_view name) {
  if (!is_mangled(name)) return std::string(name);
  const std::size_t mark = name.find('@');
  const std::string mangled(name.substr(0, mark));
  if (is_bomb(mangled)) return std::string(name);
  struct Free {
    void operator()(char* text) const { std::free(text); }  // NOLINT: the ABI says that it is malloc'd
  };
  int status = 0;
  const std::unique_ptr<char, Free> text(abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status));
  if (status != 0 || !text) return std::string(name);
  return text.get() + std::string(mark == std::string_view::npos ? std::string_view() : name.substr(mark));
}

CxxName::CxxName(std::string_view written) {
  parameters_ = parameters_at(written) != std::string_view::npos;
  const std::string_view base = written.substr(0, parameters_at(written));
  const std::string plain = without_arguments(base);
  templates_ = plain.size() != base.size();
  tags_ = base.find("[abi:") != std::string_view::npos;
  written_ = squeezed(written);
  needle_ = needle_in(plain);
}

CxxName::Match CxxName::matches(std::string_view mangled) const {
  if (!is_mangled(mangled)) return Match::no;
  std::string whole = demangle(mangled);
  if (whole == mangled) return Match::no;
  if (squeezed(whole) == written_) return Match::yes;
  bool exact = true;
  if (const std::size_t mark = whole.find(" [clone "); mark != std::string::npos) {
    whole.resize(mark);
    exact = false;
  }
  if (!is_special(mangled)) whole.erase(0, name_begins_at(whole));
  std::string_view text = whole;
  if (!parameters_) text = text.substr(0, parameters_at(text));
  if (parameters_ && written_.ends_with(')') && !text.ends_with(')') && parameters_at(text) != std::string_view::npos) {
    text = text.substr(0, text.rfind(')') + 1);
    exact = false;
  }
  std::string candidate = tags_ ? std::string(text) : without_tags(std::string(text));
  const bool same = squeezed(candidate) == written_ ||
                    (!templates_ && !parameters_ && squeezed(without_arguments(candidate)) == written_);
  if (!same) return Match::no;
  return exact ? Match::yes : Match::near;
}

}  // namespace trapline::symbols
