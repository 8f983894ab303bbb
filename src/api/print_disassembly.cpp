#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include <trapline/print_state.hpp>

#include "api/print_style.hpp"

namespace trapline {
namespace {

using print::Painter;
using print::Tone;

Tone tone_of(InstructionKind kind) {
  switch (kind) {
    case InstructionKind::call:
    case InstructionKind::ret:
    case InstructionKind::jump:
    case InstructionKind::branch:
    case InstructionKind::syscall: return Tone::flow;
    case InstructionKind::trap:
    case InstructionKind::bad: return Tone::bad;
    case InstructionKind::other: break;
  }
  return Tone::plain;
}

std::string bytes_of(const Instruction& instruction) {
  std::string text;
  for (const std::byte byte : instruction.bytes) {
    text += (text.empty() ? "" : " ") + fmt::format("{:02x}", static_cast<unsigned>(byte));
  }
  return text;
}

std::string offset_of(const Instruction& instruction) {
  return instruction.place.symbol.empty() ? "" : fmt::format("<+{:#x}>", instruction.place.offset);
}

/// The columns' widths.
struct Widths {
  std::size_t offset = 0;
  std::size_t bytes = 0;
  std::size_t mnemonic = 0;

  explicit Widths(const std::vector<Instruction>& code) {
    for (const Instruction& instruction : code) {
      offset = std::max(offset, offset_of(instruction).size());
      bytes = std::max(bytes, 3 * instruction.bytes.size() - 1);
      // Some have long prefixes, which must not push all the others' operands away.
      constexpr std::size_t longest = 8;
      mnemonic = std::max(mnemonic, std::min(instruction.mnemonic.size(), longest));
    }
  }
};

std::string in_words(const Painter& paint, const Instruction& instruction, const Widths& widths) {
  std::string text = paint(tone_of(instruction.kind), instruction.mnemonic);
  if (instruction.operands.empty()) return text;
  text += print::padding(instruction.mnemonic.size(), widths.mnemonic) + ' ' + instruction.operands;
  if (instruction.target) text += print::in_brackets(paint, *instruction.target);
  if (instruction.data) {
    text += paint(Tone::faint, fmt::format("  # {:#x}", instruction.data->address)) +
            print::in_brackets(paint, *instruction.data);
  }
  return text;
}

}  // namespace

void print_disassembly(std::ostream& out, const std::vector<Instruction>& code, const DisassemblyStyle& style) {
  const Painter paint(out, style.color);
  const Widths widths(code);
  std::string text;
  const std::string* function = nullptr;
  for (const Instruction& instruction : code) {
    const std::string& name = instruction.place.symbol;
    if ((function == nullptr ? !name.empty() : name != *function)) {
      text += name.empty() ? "??:\n" : paint(Tone::symbol, print::readable_name(name)) + ":\n";
    }
    function = &name;
    const std::string where = fmt::format("{:#x}", instruction.address());
    text += instruction.current ? paint(Tone::changed, "=>") + ' ' + paint(Tone::strong, where) : "   " + where;
    if (widths.offset != 0) {
      const std::string offset = offset_of(instruction);
      text += ' ' + paint(Tone::faint, offset) + print::padding(offset.size(), widths.offset);
    }
    text += "  ";
    if (style.bytes) {
      const std::string bytes = bytes_of(instruction);
      text += paint(Tone::faint, bytes) + print::padding(bytes.size(), widths.bytes) + "  ";
    }
    text += in_words(paint, instruction, widths) + '\n';
  }
  out << text;
}

}  // namespace trapline
