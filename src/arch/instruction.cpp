#include "arch/instruction.hpp"

#include <capstone/capstone.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

#include "arch/encoding.hpp"
#include "arch/relocate.hpp"

namespace trapline::arch {
namespace {

constexpr std::size_t aarch64_length = 4;

Flow flow_of_two_byte(const Encoding& encoding) {
  switch (encoding.opcode) {
    case 0x05:
    case 0x34: return Flow::syscall;
    // Privileged, or undefined by definition.
    case 0x06:
    case 0x07:
    case 0x08:
    case 0x09:
    case 0x0b:
    case 0x30:
    case 0x32:
    case 0x35:
    case 0xaa: return Flow::trap;
    // xend and xtest belong to a transaction, enclu enters an enclave; uiret is the return of a user interrupt.
    case 0x01:
      if (encoding.mod() != 3) return Flow::next;
      return encoding.modrm == 0xd5 || encoding.modrm == 0xd6 || encoding.modrm == 0xd7 ||
                     (encoding.modrm == 0xec && encoding.rep)
                 ? Flow::other
                 : Flow::next;
    default: return encoding.opcode >= 0x80 && encoding.opcode <= 0x8f ? Flow::branch : Flow::next;
  }
}

Flow flow_of_ff(const Encoding& encoding) {
  switch (encoding.reg()) {
    case 2: return Flow::call;
    case 4: return Flow::jump;
    case 3:
    case 5: return Flow::other;
    default: return Flow::next;
  }
}

Flow flow_of(const Encoding& encoding, std::span<const std::byte> bytes) {
  if (encoding.vector) return Flow::next;
  if (encoding.map == OpcodeMap::two_byte) return flow_of_two_byte(encoding);
  if (encoding.map != OpcodeMap::one_byte) return Flow::next;
  switch (encoding.opcode) {
    case 0xe8: return Flow::call;
    case 0xe9:
    case 0xeb: return Flow::jump;
    case 0xc2:
    case 0xc3: return Flow::ret;
    case 0xff: return flow_of_ff(encoding);
    case 0xe0:
    case 0xe1:
    case 0xe2:
    case 0xe3: return Flow::branch;
    case 0xcd: return immediate_of(encoding, bytes) == -0x80 ? Flow::syscall : Flow::trap;
    case 0xcc:
    case 0xce:
    case 0xf1:
    case 0xf4: return Flow::trap;
    // xabort and xbegin.
    case 0xc6:
    case 0xc7: return encoding.modrm == 0xf8 ? Flow::other : Flow::next;
    case 0x9a:
    case 0xea:
    case 0xca:
    case 0xcb:
    case 0xcf: return Flow::other;
    default: return encoding.in(0x70, 0x7f) ? Flow::branch : Flow::next;
  }
}

bool is_string(const Encoding& encoding) {
  return encoding.in(0xa4, 0xa7) || encoding.in(0xaa, 0xaf) || encoding.in(0x6c, 0x6f);
}

/// Whether a near branch keeps its full width: with an operand size prefix it is cut to 16 bits, on some processors.
bool full_width(const Encoding& encoding) {
  return !encoding.operand_size_prefix || (encoding.wide && encoding.rex_w());
}

Instruction describe(const Encoding& encoding, std::span<const std::byte> bytes, Address at) {
  Instruction found{.length = encoding.length, .flow = flow_of(encoding, bytes)};
  found.repeats = (encoding.rep || encoding.repne) && is_string(encoding);
  const bool transfers = found.flow == Flow::jump || found.flow == Flow::branch || found.flow == Flow::call;
  if (transfers && encoding.modrm_at == 0 && full_width(encoding)) {
    found.target = at + encoding.length + static_cast<Address>(immediate_of(encoding, bytes));
    if (!encoding.wide) *found.target &= 0xffffffffU;
  }
  return found;
}

bool does_nothing(const Encoding& encoding) {
  if (encoding.lock) return false;
  // With REX.B it exchanges r8. Repeated it is pause.
  if (encoding.is(0x90)) return (encoding.rex & 1U) == 0;
  if (encoding.is_0f(0x1f)) return true;
  return encoding.is_0f(0x1e) && encoding.rep && (encoding.modrm == 0xfa || encoding.modrm == 0xfb);
}

}  // namespace

Decoder::Decoder(Arch arch) : arch_(arch) {
  if (arch == Arch::aarch64) return;
  const cs_err error = cs_open(CS_ARCH_X86, arch == Arch::amd64 ? CS_MODE_64 : CS_MODE_32, &handle_);
  if (error != CS_ERR_OK) throw std::runtime_error(cs_strerror(error));
  scratch_ = cs_malloc(handle_);
  if (scratch_ == nullptr) {
    cs_close(&handle_);
    throw std::bad_alloc();
  }
}

Decoder::Decoder(Decoder&& other) noexcept
    : arch_(other.arch_), handle_(std::exchange(other.handle_, 0)), scratch_(std::exchange(other.scratch_, nullptr)) {}

Decoder::~Decoder() {
  if (scratch_ == nullptr) return;
  cs_free(static_cast<cs_insn*>(scratch_), 1);
  cs_close(&handle_);
}

std::optional<Encoding> Decoder::known_encoding(std::span<const std::byte> bytes) const {
  const std::optional<Encoding> encoding = parse_encoding(bytes, arch_);
  if (!encoding) return std::nullopt;
  const auto* code = reinterpret_cast<const std::uint8_t*>(bytes.data());
  std::size_t size = std::min<std::size_t>(bytes.size(), 15);
  std::uint64_t address = 0;
  auto* instruction = static_cast<cs_insn*>(scratch_);
  if (cs_disasm_iter(handle_, &code, &size, &address, instruction))
    return instruction->size == encoding->length ? encoding : std::nullopt;
  // Capstone 4 does not know what came after about 2016; all of that is in maps where every opcode has the same form.
  return encoding->map == OpcodeMap::one_byte ? std::nullopt : encoding;
}

std::optional<Instruction> Decoder::decode(std::span<const std::byte> bytes, Address at) const {
  if (arch_ == Arch::aarch64)
    return bytes.size() < aarch64_length ? std::nullopt : std::optional(Instruction{.length = aarch64_length});
  const std::optional<Encoding> encoding = known_encoding(bytes);
  if (!encoding) return std::nullopt;
  return describe(*encoding, bytes, at);
}

TrapPlan Decoder::plan(std::span<const std::byte> bytes, Address at) const {
  TrapPlan plan;
  if (arch_ == Arch::aarch64) {
    plan.instruction = decode(bytes, at).value_or(Instruction{});
    std::copy_n(bytes.begin(), plan.instruction.length, plan.bytes.begin());
    return plan;
  }
  const std::optional<Encoding> encoding = known_encoding(bytes);
  if (!encoding) return plan;
  plan.instruction = describe(*encoding, bytes, at);
  std::copy_n(bytes.begin(), plan.instruction.length, plan.bytes.begin());
  const Address next = at + encoding->length;
  if (does_nothing(*encoding))
    plan.moves_only_to = encoding->wide ? next : next & 0xffffffffU;
  else if (plan.instruction.flow == Flow::jump && !encoding->lock)
    plan.moves_only_to = plan.instruction.target;
  if (!plan.moves_only_to) plan.emulation = emulation_of(*encoding, bytes, at);
  plan.relocatable = is_relocatable(plan.instruction, *encoding);
  return plan;
}

}  // namespace trapline::arch
