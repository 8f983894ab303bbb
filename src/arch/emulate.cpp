#include "arch/emulate.hpp"

#include <array>
#include <bit>
#include <cstring>

#include "arch/arch.hpp"

namespace trapline::arch {
namespace {

using Kind = Emulation::Operand::Kind;

constexpr std::uint64_t carry = 1U << 0U, parity = 1U << 2U, adjust = 1U << 4U, zero = 1U << 6U, sign = 1U << 7U,
                        overflow = 1U << 11U;
constexpr std::uint64_t all_flags = carry | parity | adjust | zero | sign | overflow;

constexpr std::uint64_t mask_of(std::size_t size) { return ~std::uint64_t{0} >> (64 - 8 * size); }
constexpr std::uint64_t top_of(std::size_t size) { return std::uint64_t{1} << (8 * size - 1); }

std::uint64_t sign_extended(std::uint64_t value, std::size_t size) {
  const std::uint64_t top = top_of(size);
  return ((value & mask_of(size)) ^ top) - top;
}

/// Of a result that is cut to its size already.
std::uint64_t result_flags(std::uint64_t result, std::size_t size) {
  std::uint64_t flags = 0;
  if (result == 0) flags |= zero;
  if ((result & top_of(size)) != 0) flags |= sign;
  if (std::popcount(result & 0xffU) % 2 == 0) flags |= parity;
  return flags;
}

/// A program counter that a jump there would reach: elsewhere some processors fault before the jump and others after.
bool reachable(Arch arch, Address pc) { return arch != Arch::amd64 || pc < Address{1} << 47U; }

bool holds(std::uint8_t condition, std::uint64_t flags) {
  const bool is_less = ((flags & sign) != 0) != ((flags & overflow) != 0);
  bool result = false;
  switch (condition >> 1U) {
    case 0: result = (flags & overflow) != 0; break;
    case 1: result = (flags & carry) != 0; break;
    case 2: result = (flags & zero) != 0; break;
    case 3: result = (flags & (carry | zero)) != 0; break;
    case 4: result = (flags & sign) != 0; break;
    case 5: result = (flags & parity) != 0; break;
    case 6: result = is_less; break;
    default: result = is_less || (flags & zero) != 0; break;
  }
  return result != ((condition & 1U) != 0);
}

class Emulator {
 public:
  Emulator(const Emulation& emulation, const Machine& machine)
      : e_(emulation), machine_(machine), info_(info(emulation.arch)) {}

  bool run() {
    switch (e_.operation) {
      case Operation::push: return read_operand(e_.from) && push(value_, e_.from.size) && go(e_.next);
      case Operation::pop: return pop();
      case Operation::move: return read_operand(e_.from) && set(value_);
      case Operation::move_sign_extended: return read_operand(e_.from) && set(sign_extended(value_, e_.from.size));
      case Operation::load_address: return set(address());
      case Operation::add:
      case Operation::subtract:
      case Operation::compare:
      case Operation::bit_and:
      case Operation::test:
      case Operation::bit_or:
      case Operation::bit_xor: return calculate();
      case Operation::increment:
      case Operation::decrement: return count();
      case Operation::jump: return read_operand(e_.from) && reachable(e_.arch, value_) && go(value_);
      case Operation::branch: return branch();
      case Operation::call: return call();
      case Operation::ret: return ret();
      case Operation::leave: return leave();
    }
    return false;
  }

 private:
  [[nodiscard]] std::size_t word_size() const { return info_.word_size; }
  [[nodiscard]] std::uint64_t get(std::size_t word) const { return machine_.word(word) & mask_of(word_size()); }
  void put(std::size_t word, std::uint64_t value) const { machine_.set_word(word, value & mask_of(word_size())); }
  [[nodiscard]] std::size_t flags_word() const { return syscall_regs(e_.arch, info_.abi).flags; }

  bool go(Address pc) const {
    put(info_.pc, pc);
    return true;
  }

  [[nodiscard]] Address address() const {
    const Emulation::Memory& memory = e_.memory;
    Address sum = e_.value;
    if (memory.base != Emulation::no_word) sum += get(memory.base);
    if (memory.index != Emulation::no_word) sum += get(memory.index) * memory.scale;
    if (memory.narrow) sum &= 0xffffffffU;
    if (memory.segment != Emulation::no_word) sum += get(memory.segment);
    return sum;
  }

  [[nodiscard]] bool load(Address from, std::size_t size, std::uint64_t& value) const {
    std::array<std::byte, 8> bytes{};
    if (!machine_.read(from, std::span(bytes).first(size))) return false;
    std::memcpy(&value, bytes.data(), sizeof value);
    return true;
  }

  /// Into value_, zero-extended.
  bool read_operand(const Emulation::Operand& operand) {
    switch (operand.kind) {
      case Kind::none: return false;
      case Kind::word: value_ = get(operand.word) >> operand.shift & mask_of(operand.size); return true;
      case Kind::value: value_ = e_.value & mask_of(operand.size); return true;
      case Kind::memory: return load(address(), operand.size, value_);
    }
    return false;
  }

  /// A write of 32 bits clears the high half of its register; shorter ones keep the rest.
  void write_register(const Emulation::Operand& to, std::uint64_t value) const {
    if (to.size < 4) {
      const std::uint64_t mask = mask_of(to.size) << to.shift;
      value = (get(to.word) & ~mask) | (value << to.shift & mask);
    }
    put(to.word, value & (to.size == 4 ? 0xffffffffU : ~std::uint64_t{0}));
  }

  [[nodiscard]] bool set(std::uint64_t value) const {
    write_register(e_.to, value);
    return go(e_.next);
  }

  [[nodiscard]] bool push(std::uint64_t value, std::size_t size) const {
    const std::uint64_t sp = (get(info_.sp) - size) & mask_of(word_size());
    if (!machine_.write(sp, std::as_bytes(std::span(&value, 1)).first(size))) return false;
    put(info_.sp, sp);
    return true;
  }

  [[nodiscard]] bool pop() const {
    const std::uint64_t sp = get(info_.sp);
    std::uint64_t value = 0;
    if (!load(sp, e_.to.size, value)) return false;
    // In this order: `pop rsp` ends with what was read.
    put(info_.sp, sp + e_.to.size);
    return set(value);
  }

  [[nodiscard]] bool leave() const {
    const std::uint64_t frame = get(e_.to.word);
    std::uint64_t value = 0;
    if (!load(frame, word_size(), value)) return false;
    put(info_.sp, frame + word_size());
    return set(value);
  }

  [[nodiscard]] bool ret() const {
    const std::uint64_t sp = get(info_.sp);
    std::uint64_t target = 0;
    if (!load(sp, word_size(), target) || !reachable(e_.arch, target)) return false;
    put(info_.sp, sp + word_size() + e_.value);
    return go(target);
  }

  bool call() {
    // The target is read before the push, which may move its base or overwrite it.
    if (!read_operand(e_.from) || !reachable(e_.arch, value_)) return false;
    return push(e_.next, word_size()) && go(value_);
  }

  [[nodiscard]] bool branch() const {
    const bool taken = holds(e_.condition, get(flags_word()));
    return (!taken || reachable(e_.arch, e_.value)) && go(taken ? e_.value : e_.next);
  }

  void set_flags(std::uint64_t which, std::uint64_t flags) const {
    put(flags_word(), (get(flags_word()) & ~which) | (flags & which));
  }

  bool calculate() {
    if (!read_operand(e_.from)) return false;
    const std::size_t size = e_.to.size;
    const std::uint64_t b = value_;
    read_operand(e_.to);
    const std::uint64_t a = value_;
    std::uint64_t result = 0, flags = 0;
    switch (e_.operation) {
      case Operation::add:
        result = (a + b) & mask_of(size);
        if (result < a) flags |= carry;
        if (((a ^ result) & (b ^ result) & top_of(size)) != 0) flags |= overflow;
        flags |= (a ^ b ^ result) & adjust;
        break;
      case Operation::subtract:
      case Operation::compare:
        result = (a - b) & mask_of(size);
        if (a < b) flags |= carry;
        if (((a ^ b) & (a ^ result) & top_of(size)) != 0) flags |= overflow;
        flags |= (a ^ b ^ result) & adjust;
        break;
      // The manual leaves adjust undefined after these; processors clear it.
      case Operation::bit_or: result = a | b; break;
      case Operation::bit_xor: result = a ^ b; break;
      default: result = a & b; break;
    }
    set_flags(all_flags, flags | result_flags(result, size));
    return e_.operation == Operation::compare || e_.operation == Operation::test ? go(e_.next) : set(result);
  }

  bool count() {
    read_operand(e_.to);
    const std::size_t size = e_.to.size;
    const bool up = e_.operation == Operation::increment;
    const std::uint64_t result = (up ? value_ + 1 : value_ - 1) & mask_of(size);
    std::uint64_t flags = result_flags(result, size) | ((value_ ^ result ^ 1U) & adjust);
    if (result == (up ? top_of(size) : top_of(size) - 1)) flags |= overflow;
    set_flags(all_flags & ~carry, flags);
    return set(result);
  }

  const Emulation& e_;
  const Machine& machine_;
  const ArchInfo& info_;
  std::uint64_t value_ = 0;
};

}  // namespace

bool emulate(const Emulation& emulation, const Machine& machine) { return Emulator(emulation, machine).run(); }

}  // namespace trapline::arch
