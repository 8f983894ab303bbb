#include <trapline/disassembly.hpp>

#include <fmt/format.h>

#include <trapline/process.hpp>
#include <trapline/thread.hpp>

#include "arch/disassembler.hpp"
#include "core/disassembly.hpp"
#include "core/process.hpp"

namespace trapline {

std::string_view to_string(InstructionKind kind) {
  switch (kind) {
    case InstructionKind::other: return "other";
    case InstructionKind::call: return "call";
    case InstructionKind::ret: return "ret";
    case InstructionKind::jump: return "jump";
    case InstructionKind::branch: return "branch";
    case InstructionKind::syscall: return "syscall";
    case InstructionKind::trap: return "trap";
    case InstructionKind::bad: return "bad";
  }
  return "unknown";
}

std::string Place::text() const {
  if (symbol.empty() || offset == 0) return symbol;
  return fmt::format("{}+{:#x}", symbol, offset);
}

std::string Instruction::text() const { return operands.empty() ? mnemonic : mnemonic + ' ' + operands; }

std::vector<Instruction> disassemble(ByteView code, Address at, Arch arch, Syntax syntax) {
  const arch::Disassembler disassembler(arch, syntax);
  std::vector<Instruction> list;
  while (!code.empty()) {
    arch::Disassembled found = disassembler.decode(code, at);
    // g++ 12 warns of half an instruction that is destroyed when this is an initializer with names.
    Instruction instruction;
    instruction.place.address = at;
    instruction.bytes.assign(code.begin(), code.begin() + static_cast<std::ptrdiff_t>(found.length));
    instruction.kind = found.kind;
    instruction.mnemonic = std::move(found.mnemonic);
    instruction.operands = std::move(found.operands);
    if (found.target) instruction.target = Place{.address = *found.target};
    if (found.data) instruction.data = Place{.address = *found.data};
    code = code.subspan(found.length);
    at += found.length;
    list.push_back(std::move(instruction));
  }
  return list;
}

std::vector<Instruction> Process::disassemble(const Location& at, std::size_t count,
                                              const DisassemblyOptions& options) const {
  return core::disassemble(*process_, symbols().resolve(at), count, options);
}

std::vector<Instruction> Process::disassemble_range(Address from, Address to, const DisassemblyOptions& options) const {
  return core::disassemble_range(*process_, from, to, options);
}

std::vector<Instruction> Process::disassemble_function(const Location& inside,
                                                       const DisassemblyOptions& options) const {
  return core::disassemble_function(*process_, symbols().resolve(inside), options);
}

std::vector<Instruction> Thread::disassemble(std::size_t count, const DisassemblyOptions& options) const {
  const Address here = pc();
  std::vector<Instruction> list = core::disassemble(*state_->process, here, count, options);
  for (Instruction& instruction : list) instruction.current = instruction.address() == here;
  return list;
}

}  // namespace trapline
