// Chooses what of an instruction emulate() is to execute.
#include <array>

#include "arch/emulate.hpp"
#include "arch/encoding.hpp"

namespace trapline::arch {
namespace {

using Operand = Emulation::Operand;
using Kind = Operand::Kind;

// The words of the general register set by the numbers that instructions use (struct user_regs_struct).
constexpr std::array<std::uint8_t, 16> amd64_words{10, 11, 12, 5, 19, 4, 13, 14, 9, 8, 7, 6, 3, 2, 1, 0};
constexpr std::array<std::uint8_t, 8> i386_words{6, 1, 2, 0, 15, 5, 3, 4};
constexpr std::uint8_t amd64_fs_base = 21, amd64_gs_base = 22;
constexpr unsigned sp = 4;

constexpr std::array by_group{Operation::add,     Operation::bit_or,   Operation::move,    Operation::move,
                              Operation::bit_and, Operation::subtract, Operation::bit_xor, Operation::compare};
/// adc and sbb are not emulated.
constexpr bool knows_group(unsigned number) { return number != 2 && number != 3; }

class Planner {
 public:
  Planner(const Encoding& encoding, std::span<const std::byte> bytes, Address at) : encoding_(encoding), bytes_(bytes) {
    plan_.arch = encoding.wide ? Arch::amd64 : Arch::i386;
    plan_.next = cut(at + encoding.length);
  }

  std::optional<Emulation> choose() {
    if (encoding_.lock || encoding_.vector) return std::nullopt;
    const bool chosen =
        encoding_.map == OpcodeMap::one_byte ? one_byte() : encoding_.map == OpcodeMap::two_byte && two_byte();
    return chosen ? std::optional(plan_) : std::nullopt;
  }

 private:
  bool one_byte() {
    const std::uint8_t opcode = encoding_.opcode;
    if (encoding_.in(0x70, 0x7f)) return direct(Operation::branch);
    switch (opcode) {
      case 0xe8: return direct(Operation::call);
      case 0xc2:
      case 0xc3: return ret();
      case 0xff:
        if (encoding_.reg() == 2) return indirect(Operation::call);
        if (encoding_.reg() == 4) return indirect(Operation::jump);
        break;
      default: break;
    }
    // On what follows these prefixes mean nothing, and may come to mean something.
    if (encoding_.rep || encoding_.repne) return false;
    if (encoding_.in(0x50, 0x5f)) return push_or_pop();
    if (encoding_.in(0x00, 0x3f)) return arithmetic();
    if (encoding_.in(0xb0, 0xbf)) return move_immediate();
    if (encoding_.in(0x40, 0x4f)) return count_short();
    switch (opcode) {
      case 0x68:
      case 0x6a: return push_immediate();
      case 0xff:
      case 0xfe: return group_ff();
      case 0xc9: return leave();
      case 0x8d: return load_address();
      default: return move_or_test();
    }
  }

  bool two_byte() {
    const std::uint8_t opcode = encoding_.opcode;
    if (opcode >= 0x80 && opcode <= 0x8f) return direct(Operation::branch);
    const bool zero = opcode == 0xb6 || opcode == 0xb7;
    if ((!zero && opcode != 0xbe && opcode != 0xbf) || !registers_only()) return false;
    plan_.operation = zero ? Operation::move : Operation::move_sign_extended;
    plan_.to = middle(size());
    plan_.from = last((opcode & 1U) != 0 ? 2 : 1);
    return true;
  }

  bool direct(Operation operation) {
    if (cut_short()) return false;
    plan_.operation = operation;
    plan_.condition = encoding_.opcode & 0xfU;
    plan_.from = {.kind = Kind::value, .size = word_size()};
    plan_.value = cut(plan_.next + immediate());
    return true;
  }

  bool indirect(Operation operation) {
    if (cut_short() || encoding_.rep) return false;
    plan_.operation = operation;
    if (encoding_.mod() == 3) {
      plan_.from = last(word_size());
      return true;
    }
    return set_memory(word_size());
  }

  bool ret() {
    if (cut_short()) return false;
    plan_.operation = Operation::ret;
    plan_.value = immediate() & 0xffffU;
    return true;
  }

  bool push_or_pop() {
    const Operand word = by_number((encoding_.opcode & 7U) | rex_b(), stack_size());
    plan_.operation = encoding_.opcode < 0x58 ? Operation::push : Operation::pop;
    (plan_.operation == Operation::push ? plan_.from : plan_.to) = word;
    return true;
  }

  bool push_immediate() {
    plan_.operation = Operation::push;
    set_value(stack_size());
    return true;
  }

  bool leave() {
    if (encoding_.operand_size_prefix) return false;
    plan_.operation = Operation::leave;
    plan_.to = by_number(5, word_size());
    return true;
  }

  bool load_address() {
    if (!encoding_.has_memory() || encoding_.segment != 0) return false;
    plan_.operation = Operation::load_address;
    plan_.to = middle(size());
    return set_memory(size());
  }

  bool arithmetic() {
    const unsigned group = encoding_.opcode >> 3U;
    const unsigned form = encoding_.opcode & 7U;
    if (!knows_group(group) || form > 5) return false;
    plan_.operation = by_group[group];
    const std::uint8_t width = (form & 1U) == 0 ? std::uint8_t{1} : size();
    if (form >= 4) {
      plan_.to = by_number(0, width);
      set_value(width);
      return true;
    }
    if (!registers_only()) return false;
    plan_.to = form < 2 ? last(width) : middle(width);
    plan_.from = form < 2 ? middle(width) : last(width);
    return true;
  }

  bool group_ff() {
    const std::uint8_t width = encoding_.opcode == 0xfe ? std::uint8_t{1} : size();
    if (encoding_.opcode == 0xff && encoding_.reg() == 6) {
      plan_.operation = Operation::push;
      if (encoding_.mod() != 3) return set_memory(stack_size());
      plan_.from = last(stack_size());
      return true;
    }
    if (encoding_.reg() > 1 || encoding_.mod() != 3) return false;
    return count(last(width), encoding_.reg() == 1);
  }

  bool count_short() { return count(by_number(encoding_.opcode & 7U, size()), encoding_.opcode >= 0x48); }

  bool count(Operand word, bool down) {
    plan_.operation = down ? Operation::decrement : Operation::increment;
    plan_.to = word;
    return true;
  }

  bool move_immediate() {
    const std::uint8_t width = encoding_.opcode < 0xb8 ? std::uint8_t{1} : size();
    plan_.operation = Operation::move;
    plan_.to = by_number((encoding_.opcode & 7U) | rex_b(), width);
    set_value(width);
    return true;
  }

  bool move_or_test() {
    const std::uint8_t opcode = encoding_.opcode;
    const std::uint8_t width = (opcode & 1U) == 0 ? std::uint8_t{1} : size();
    if (opcode == 0xa8 || opcode == 0xa9) {
      plan_.operation = Operation::test;
      plan_.to = by_number(0, width);
      set_value(width);
      return true;
    }
    if (encoding_.modrm_at == 0 || encoding_.mod() != 3) return false;
    switch (opcode) {
      case 0x63: return move_doubleword();
      case 0x80:
      case 0x81:
      case 0x83:
        if (!knows_group(encoding_.reg())) return false;
        plan_.operation = by_group[encoding_.reg()];
        break;
      case 0x84:
      case 0x85: plan_.operation = Operation::test; break;
      case 0x88:
      case 0x89:
      case 0x8a:
      case 0x8b: plan_.operation = Operation::move; break;
      case 0xc6:
      case 0xc7:
        if (encoding_.reg() != 0) return false;
        plan_.operation = Operation::move;
        break;
      case 0xf6:
      case 0xf7:
        if (encoding_.reg() != 0) return false;
        plan_.operation = Operation::test;
        break;
      default: return false;
    }
    plan_.to = last(width);
    if (encoding_.immediate_at != 0)
      set_value(width);
    else
      plan_.from = middle(width);
    if (opcode == 0x8a || opcode == 0x8b) std::swap(plan_.to, plan_.from);
    return true;
  }

  /// movsxd; 32-bit code has another instruction there.
  bool move_doubleword() {
    if (!encoding_.wide || !encoding_.rex_w()) return false;
    plan_.operation = Operation::move_sign_extended;
    plan_.to = middle(8);
    plan_.from = last(4);
    return true;
  }

  bool set_memory(std::uint8_t size) {
    // 16-bit addresses have a form of their own, and the base of a segment is known in 64-bit code only.
    if (!encoding_.wide && (encoding_.address_size_prefix || encoding_.segment != 0)) return false;
    plan_.from = {.kind = Kind::memory, .size = size};
    Emulation::Memory& memory = plan_.memory;
    memory.narrow = encoding_.address_size_prefix || !encoding_.wide;
    if (encoding_.segment == 0x64) memory.segment = amd64_fs_base;
    if (encoding_.segment == 0x65) memory.segment = amd64_gs_base;
    plan_.value = static_cast<std::uint64_t>(displacement_of(encoding_, bytes_));
    if (encoding_.pc_relative()) {
      plan_.value += plan_.next;
      return true;
    }
    unsigned base = encoding_.rm();
    if (encoding_.has_sib) {
      base = encoding_.sib & 7U;
      const unsigned index = (encoding_.sib >> 3U & 7U) | (encoding_.rex & 2U) << 2U;
      if (index != sp) memory.index = word(index);
      memory.scale = static_cast<std::uint8_t>(1U << (encoding_.sib >> 6U));
    }
    if (base != 5 || encoding_.mod() != 0) memory.base = word(base | rex_b());
    return true;
  }

  void set_value(std::uint8_t size) {
    plan_.from = {.kind = Kind::value, .size = size};
    plan_.value = immediate();
  }

  [[nodiscard]] bool registers_only() const { return encoding_.mod() == 3 && !encoding_.rep && !encoding_.repne; }
  /// With an operand size prefix some processors cut a near branch to 16 bits.
  [[nodiscard]] bool cut_short() const { return encoding_.operand_size_prefix && !encoding_.rex_w(); }
  [[nodiscard]] std::uint64_t immediate() const { return static_cast<std::uint64_t>(immediate_of(encoding_, bytes_)); }
  [[nodiscard]] Address cut(Address address) const { return encoding_.wide ? address : address & 0xffffffffU; }

  [[nodiscard]] std::uint8_t word_size() const { return encoding_.wide ? 8 : 4; }
  [[nodiscard]] std::uint8_t size() const {
    if (encoding_.rex_w()) return 8;
    return encoding_.operand_size_prefix ? 2 : 4;
  }
  /// Pushes and pops are never of 32 bits in 64-bit code.
  [[nodiscard]] std::uint8_t stack_size() const {
    return encoding_.operand_size_prefix && !encoding_.rex_w() ? std::uint8_t{2} : word_size();
  }

  [[nodiscard]] unsigned rex_b() const { return (encoding_.rex & 1U) << 3U; }
  [[nodiscard]] std::uint8_t word(unsigned number) const {
    return encoding_.wide ? amd64_words[number] : i386_words[number];
  }
  [[nodiscard]] Operand by_number(unsigned number, std::uint8_t size) const {
    // Without a REX prefix the byte registers 4 to 7 are ah, ch, dh and bh.
    const bool high = size == 1 && encoding_.rex == 0 && number >= 4;
    return {.kind = Kind::word,
            .word = word(high ? number - 4 : number),
            .shift = high ? std::uint8_t{8} : std::uint8_t{0},
            .size = size};
  }
  [[nodiscard]] Operand middle(std::uint8_t size) const {
    return by_number(encoding_.reg() | (encoding_.rex & 4U) << 1U, size);
  }
  [[nodiscard]] Operand last(std::uint8_t size) const { return by_number(encoding_.rm() | rex_b(), size); }

  const Encoding& encoding_;
  std::span<const std::byte> bytes_;
  Emulation plan_;
};

}  // namespace

std::optional<Emulation> emulation_of(const Encoding& encoding, std::span<const std::byte> bytes, Address at) {
  return Planner(encoding, bytes, at).choose();
}

}  // namespace trapline::arch
