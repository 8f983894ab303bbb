#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <trapline/types.hpp>

namespace trapline {

/// How x86 instructions are spelled; AArch64 has one syntax only.
enum class Syntax { intel, att };

/// What an instruction does to the flow of control.
enum class InstructionKind {
  other,
  call,
  ret,
  jump,
  branch,   ///< a conditional jump
  syscall,  ///< enters the kernel: syscall, sysenter, `int 0x80`, svc
  trap,     ///< raises a signal: int3, ud2, hlt, brk
  bad,      ///< the bytes are no instruction
};

[[nodiscard]] TRAPLINE_API std::string_view to_string(InstructionKind kind);

/// An address with the symbol that it is in.
struct TRAPLINE_API Place {
  Address address = 0;
  /// Empty when no symbol covers it.
  std::string symbol{};
  /// From the symbol's start.
  std::uint64_t offset = 0;

  /// `main+0x12`, `main`; empty without a symbol.
  [[nodiscard]] std::string text() const;
};

/// One instruction, as a disassembler shows it.
struct TRAPLINE_API Instruction {
  /// With the symbol that the instruction is in.
  Place place{};
  Bytes bytes{};
  InstructionKind kind = InstructionKind::other;
  /// With its prefixes: `rep movsb`. `(bad)` for a byte that begins no instruction, `(unknown)` for one of which
  /// nothing but the length is known.
  std::string mnemonic{};
  /// Empty for none: `rax, qword ptr [rip + 0x2004]`; `...` where Capstone does not know them.
  std::string operands{};
  /// Where a direct call, jump or branch leads.
  std::optional<Place> target{};
  /// The memory that it names by an address relative to the pc, or by a plain one.
  std::optional<Place> data{};
  /// The thread executes it next.
  bool current = false;

  [[nodiscard]] Address address() const { return place.address; }
  [[nodiscard]] Address next_address() const { return place.address + bytes.size(); }
  /// Mnemonic and operands.
  [[nodiscard]] std::string text() const;
};

/// How a process's code is disassembled.
struct DisassemblyOptions {
  Syntax syntax = Syntax::intel;
  /// So many instructions in front of the first one; fewer where the start of its function is nearer, and none where
  /// it is unknown.
  std::size_t before = 0;
};

/// Disassembles bytes that begin at an address; without symbols. The last instruction is `(bad)` when it is cut off.
[[nodiscard]] TRAPLINE_API std::vector<Instruction> disassemble(ByteView code, Address at, Arch arch,
                                                                Syntax syntax = Syntax::intel);

}  // namespace trapline
