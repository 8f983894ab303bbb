#pragma once

#include <cstdint>
#include <string_view>

// Our rows against a kernel header's macros, at compile time: __NR_name expands to its number, or to itself when the
// header is older than the call.
#define TRAPLINE_TEXT_OF(...) #__VA_ARGS__
#define TRAPLINE_EXPANDED(...) TRAPLINE_TEXT_OF(__VA_ARGS__)
#define TRAPLINE_SYSCALL(number, name, ...)                                           \
  static_assert(trapline::agrees_with_header(TRAPLINE_EXPANDED(__NR_##name), number), \
                "the system's header has another number for " #name);

namespace trapline {

constexpr bool agrees_with_header(std::string_view header, std::int32_t number) {
  if (header.starts_with("__NR")) return true;
  if (header.empty()) return false;
  std::int32_t value = 0;
  for (const char digit : header) {
    if (digit < '0' || digit > '9') return false;
    value = 10 * value + (digit - '0');
  }
  return value == number;
}

static_assert(agrees_with_header("__NR_newer", 7) && agrees_with_header("17", 17));
static_assert(!agrees_with_header("17", 1) && !agrees_with_header("(7 + 1)", 8) && !agrees_with_header("", 0));

}  // namespace trapline
