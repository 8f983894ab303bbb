#pragma once

#include <iosfwd>
#include <vector>

#include <trapline/disassembly.hpp>
#include <trapline/elf.hpp>
#include <trapline/frame.hpp>
#include <trapline/maps.hpp>
#include <trapline/state.hpp>
#include <trapline/telescope.hpp>
#include <trapline/types.hpp>

namespace trapline {

/// Whether escape sequences are used: `automatic` means in std::cout, std::cerr and std::clog when they are terminals
/// and neither NO_COLOR is set nor TERM is "dumb".
enum class Color { automatic, always, never };

/// What `automatic` decides for a stream.
[[nodiscard]] TRAPLINE_API bool uses_color(const std::ostream& out, Color color);

struct PrintStyle {
  Color color = Color::automatic;
};

struct RegisterStyle {
  Color color = Color::automatic;
  /// Registers that have another value than in these are marked by a `*`. Must live during the call.
  const RegisterValues* before = nullptr;
};

struct DisassemblyStyle {
  Color color = Color::automatic;
  /// Shows the bytes of each instruction.
  bool bytes = false;
};

struct MemoryStyle {
  Color color = Color::automatic;
  /// 1, 2, 4 or 8 bytes for integers of that size, 0 for bytes and text beside them; else UsageError is thrown.
  std::size_t word_size = 0;
  bool big_endian = false;
};

struct TelescopeStyle {
  Color color = Color::automatic;
  /// Those of the process: they tell by colour what an address is in, and by name in which file it is when it has no
  /// symbol. Must live during the call.
  const MemoryMaps* maps = nullptr;
};

// All of them print whole lines. Bytes and names that come from the process are escaped, C++ names are demangled.

/// A register a line, with what it leads to; the flags by name; segments in one line.
TRAPLINE_API void print_registers(std::ostream& out, const RegisterValues& values, const RegisterStyle& style = {});
/// A mapping a line: bounds, permissions, size, offset and name.
TRAPLINE_API void print_maps(std::ostream& out, const MemoryMaps& maps, const PrintStyle& style = {});
/// Sixteen bytes a line; lines that repeat the one before are left out behind a `*`.
TRAPLINE_API void print_memory(std::ostream& out, const MemoryBlock& block, const MemoryStyle& style = {});
/// A word a line, with what it leads to.
TRAPLINE_API void print_words(std::ostream& out, const std::vector<MemoryWord>& words, const PrintStyle& style = {});
/// A chain of pointers in a line: `0x7ffd1230 -> 0x401136 <main+0x4>`, `0x7ffd1238 -> 0x402004 -> "text"`.
TRAPLINE_API void print_telescope(std::ostream& out, const Telescope& telescope, const TelescopeStyle& style = {});
/// A frame a line, numbered from 0, after those of the calls inlined in it, which have the same number.
TRAPLINE_API void print_backtrace(std::ostream& out, const std::vector<Frame>& frames, const PrintStyle& style = {});
/// An instruction a line, the current one marked by `=>`; each function begins with its name.
TRAPLINE_API void print_disassembly(std::ostream& out, const std::vector<Instruction>& code,
                                    const DisassemblyStyle& style = {});
/// What makes a file harder to exploit, a protection a line; those that are missing stand out.
TRAPLINE_API void print_mitigations(std::ostream& out, const ElfFile& file, const PrintStyle& style = {});
/// The same as a table, a file a line.
TRAPLINE_API void print_mitigations(std::ostream& out, const std::vector<ElfFile>& files, const PrintStyle& style = {});

}  // namespace trapline
