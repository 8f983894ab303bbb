#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include <trapline/types.hpp>

namespace trapline {

/// A place in the source of a program.
struct SourceLine {
  /// The path as the compiler knew it; the file may be elsewhere, or gone.
  std::string file{};
  /// From 1 on.
  unsigned line = 0;
  /// From 1 on; 0 when the compiler told none.
  unsigned column = 0;

  friend bool operator==(const SourceLine&, const SourceLine&) = default;
};

/// A function that the compiler put into its caller instead of calling it.
struct InlinedCall {
  /// The function that was inlined, of C++ with its demangled name.
  std::string function{};
  /// Where it was called, in the function around it.
  SourceLine call{};

  friend bool operator==(const InlinedCall&, const InlinedCall&) = default;
};

/// Prints `/src/main.c:42`, or `/src/main.c:42:7` with a column.
TRAPLINE_API std::ostream& operator<<(std::ostream& out, const SourceLine& line);

}  // namespace trapline
