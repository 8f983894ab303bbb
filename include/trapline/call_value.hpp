#pragma once

#include <array>
#include <cstddef>

namespace trapline {

/// What a value is to a calling convention.
enum class CallValueKind {
  nothing,      ///< a result that nobody wants
  word,         ///< an integer or address of at most a register's width
  signed_word,  ///< likewise, sign-extended
  wide,         ///< an integer of 8 bytes, also where a register has 4 (`long long`)
  single,       ///< `float`
  real,         ///< `double`
  extended,     ///< `long double`: 10 bytes on x86
};

/// An argument or result of a function by its bytes in memory; an integer is extended to 8.
struct CallValue {
  CallValueKind kind = CallValueKind::nothing;
  std::array<std::byte, 16> bytes{};
};

}  // namespace trapline
