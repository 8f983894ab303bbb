#include "arch/disassembler.hpp"

#include <capstone/capstone.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string_view>

#include "arch/encoding.hpp"
#include "arch/late_mnemonics.hpp"

namespace trapline::arch {
namespace {

InstructionKind kind_of(Flow flow) {
  switch (flow) {
    case Flow::call: return InstructionKind::call;
    case Flow::ret: return InstructionKind::ret;
    case Flow::jump: return InstructionKind::jump;
    case Flow::branch: return InstructionKind::branch;
    case Flow::syscall: return InstructionKind::syscall;
    case Flow::trap: return InstructionKind::trap;
    case Flow::next:
    case Flow::other: break;
  }
  return InstructionKind::other;
}

/// What an x86 instruction names in memory: by the pc or, in 32-bit code, by a plain address.
std::optional<Address> data_of(const cs_insn& instruction, Arch arch) {
  const cs_x86& detail = instruction.detail->x86;
  for (std::size_t i = 0; i < detail.op_count; ++i) {
    const cs_x86_op& operand = detail.operands[i];
    if (operand.type != X86_OP_MEM || operand.mem.segment != X86_REG_INVALID) continue;
    const auto displacement = static_cast<Address>(operand.mem.disp);
    if (operand.mem.base == X86_REG_RIP) return instruction.address + instruction.size + displacement;
    const bool plain = operand.mem.base == X86_REG_INVALID && operand.mem.index == X86_REG_INVALID;
    if (plain && arch == Arch::i386) return displacement & 0xffffffffU;
  }
  return std::nullopt;
}

/// An indirect jump or call that control-flow enforcement lets go anywhere; Capstone 4 says nothing about the prefix.
bool is_notrack(std::span<const std::byte> bytes, const Instruction& instruction) {
  const bool indirect = (instruction.flow == Flow::jump || instruction.flow == Flow::call) && !instruction.target;
  return indirect && bytes.front() == std::byte{0x3e};
}

/// One of which Capstone knows nothing and we the length.
void describe_late(std::span<const std::byte> bytes, Disassembled& result) {
  result.mnemonic = late_mnemonic(bytes);
  constexpr std::string_view without_operands[] = {"(unknown)", "rdpkru", "wrpkru"};
  const bool none = std::ranges::find(without_operands, result.mnemonic) != std::end(without_operands);
  if (!none) result.operands = "...";
}

InstructionKind aarch64_kind(csh handle, const cs_insn& instruction) {
  switch (instruction.id) {
    case ARM64_INS_BL:
    case ARM64_INS_BLR: return InstructionKind::call;
    case ARM64_INS_RET: return InstructionKind::ret;
    case ARM64_INS_BR: return InstructionKind::jump;
    case ARM64_INS_B:
      return instruction.detail->arm64.cc == ARM64_CC_INVALID || instruction.detail->arm64.cc == ARM64_CC_AL
                 ? InstructionKind::jump
                 : InstructionKind::branch;
    case ARM64_INS_CBZ:
    case ARM64_INS_CBNZ:
    case ARM64_INS_TBZ:
    case ARM64_INS_TBNZ: return InstructionKind::branch;
    case ARM64_INS_SVC: return InstructionKind::syscall;
    case ARM64_INS_BRK:
    case ARM64_INS_HLT: return InstructionKind::trap;
    default: break;
  }
  return cs_insn_group(handle, &instruction, CS_GRP_JUMP) ? InstructionKind::jump : InstructionKind::other;
}

void describe_aarch64(csh handle, const cs_insn& instruction, Disassembled& result) {
  result.kind = aarch64_kind(handle, instruction);
  const cs_arm64& detail = instruction.detail->arm64;
  const bool leads = result.kind == InstructionKind::call || result.kind == InstructionKind::jump ||
                     result.kind == InstructionKind::branch;
  const bool names = instruction.id == ARM64_INS_ADR || instruction.id == ARM64_INS_ADRP ||
                     instruction.id == ARM64_INS_LDR || instruction.id == ARM64_INS_LDRSW;
  if (detail.op_count == 0 || (!leads && !names)) return;
  const cs_arm64_op& last = detail.operands[detail.op_count - 1];
  if (last.type != ARM64_OP_IMM) return;
  (leads ? result.target : result.data) = static_cast<Address>(last.imm);
}

}  // namespace

Disassembler::Disassembler(Arch arch, Syntax syntax) : arch_(arch), decoder_(arch) {
  const bool is_arm = arch == Arch::aarch64;
  const cs_mode mode = is_arm ? CS_MODE_ARM : arch == Arch::amd64 ? CS_MODE_64 : CS_MODE_32;
  const cs_err error = cs_open(is_arm ? CS_ARCH_ARM64 : CS_ARCH_X86, mode, &handle_);
  if (error != CS_ERR_OK) throw std::runtime_error(cs_strerror(error));
  cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON);
  if (!is_arm) cs_option(handle_, CS_OPT_SYNTAX, syntax == Syntax::att ? CS_OPT_SYNTAX_ATT : CS_OPT_SYNTAX_INTEL);
  scratch_ = cs_malloc(handle_);
  if (scratch_ == nullptr) {
    cs_close(&handle_);
    throw std::bad_alloc();
  }
}

Disassembler::~Disassembler() {
  cs_free(static_cast<cs_insn*>(scratch_), 1);
  cs_close(&handle_);
}

bool Disassembler::disassemble(std::span<const std::byte> bytes, Address at) const {
  const auto* code = reinterpret_cast<const std::uint8_t*>(bytes.data());
  std::size_t size = std::min<std::size_t>(bytes.size(), 15);
  return cs_disasm_iter(handle_, &code, &size, &at, static_cast<cs_insn*>(scratch_));
}

Disassembled Disassembler::decode(std::span<const std::byte> bytes, Address at) const {
  const auto& instruction = *static_cast<const cs_insn*>(scratch_);
  const bool known = disassemble(bytes, at);
  Disassembled result{.mnemonic = known ? instruction.mnemonic : "", .operands = known ? instruction.op_str : ""};
  if (known) result.length = instruction.size;
  if (arch_ == Arch::aarch64) {
    if (known) describe_aarch64(handle_, instruction, result);
  } else if (const auto flow = decoder_.decode(bytes, at)) {
    result.kind = kind_of(flow->flow);
    result.length = flow->length;
    result.target = flow->target;
    if (known) result.data = data_of(instruction, arch_);
    if (known && is_notrack(bytes, *flow)) result.mnemonic.insert(0, "notrack ");
    if (!known) describe_late(bytes.first(flow->length), result);
  } else if (known) {
    result.kind = InstructionKind::other;
    result.data = data_of(instruction, arch_);
  }
  if (result.length == 0) {
    const std::size_t unit = arch_ == Arch::aarch64 ? 4 : 1;
    return {.length = std::min(unit, bytes.size()), .mnemonic = "(bad)"};
  }
  return result;
}

}  // namespace trapline::arch
