#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include <trapline/source.hpp>
#include <trapline/types.hpp>

namespace trapline {

/// One function activation on a thread's stack.
struct Frame {
  /// Where it executes; in all but the innermost frame, where it goes on after the call that it is in.
  Address pc = 0;
  /// The canonical frame address: the stack pointer after its return. 0 when it is unknown.
  Address cfa = 0;
  /// As the file has it: of C++ the mangled name. Empty when no symbol covers the place.
  std::string function{};
  /// Of the pc from the function's start or, without a function, from the module's.
  std::uint64_t offset = 0;
  /// The path of the file that the code is from; empty for code that is from none, such as a JIT compiler's.
  std::string module{};
  /// It is the kernel's call of a signal handler: the frame before it is the handler, the one after it was interrupted.
  bool signal_frame = false;
  /// With BacktraceOptions::lines, where that is known: the line it is in, that of the innermost inlined call.
  std::optional<SourceLine> source{};
  /// Likewise, the calls that the compiler put into the function instead of making them, the innermost first.
  std::vector<InlinedCall> inlined{};
};

/// What a backtrace is to tell.
struct BacktraceOptions {
  /// It ends after so many frames.
  std::size_t max = 256;
  /// Source lines and inlined calls too; the first time they are asked for, a file's DWARF is read.
  bool lines = false;
};

/// Prints `0x401136 main+0x12 in /usr/bin/prog at /src/prog.c:42`, as much of it as is known, and
/// `0x401136 ?? +0x1136 in /usr/bin/prog` without a symbol. Of C++ it is the demangled name: `ns::f(int)+0x12`.
TRAPLINE_API std::ostream& operator<<(std::ostream& out, const Frame& frame);
/// Prints a line for each, numbered from 0, after those of the calls inlined in it, which have the same number:
/// `#0 0x401136 max<int> [inlined] at /src/prog.h:7`.
TRAPLINE_API std::ostream& operator<<(std::ostream& out, const std::vector<Frame>& frames);

}  // namespace trapline
