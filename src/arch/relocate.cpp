#include "arch/relocate.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <span>

#include "arch/encoding.hpp"

namespace trapline::arch {
namespace {

constexpr std::byte operator""_b(unsigned long long value) { return static_cast<std::byte>(value); }

/// Writes the code. In 64-bit code jumps and pushes take their addresses from data behind the code, so that they reach
/// everywhere; in 32-bit code every distance is within reach.
class Writer {
 public:
  Writer(bool wide, Address slot) : wide_(wide), slot_(slot) {}

  /// What begins here is where the thread would be at `pc`.
  void place(Address pc) { code_.places[code_.place_count++] = {static_cast<std::uint8_t>(code_.size), pc}; }

  void copy(std::span<const std::byte> bytes) {
    std::ranges::copy(bytes, code_.bytes.begin() + static_cast<std::ptrdiff_t>(code_.size));
    code_.size += bytes.size();
  }

  void jump(Address target) {
    if (wide_) {
      copy(std::array{0xff_b, 0x25_b});
      refer(target);
    } else {
      copy(std::array{0xe9_b});
      put(static_cast<std::uint32_t>(target - (slot_ + code_.size + 4)));
    }
  }

  void push(Address value) {
    if (wide_) {
      copy(std::array{0xff_b, 0x35_b});
      refer(value);
    } else {
      copy(std::array{0x68_b});
      put(static_cast<std::uint32_t>(value));
    }
  }

  /// How long jump() is.
  [[nodiscard]] std::uint8_t jump_length() const { return wide_ ? 6 : 5; }

  SlotCode finish() {
    for (std::size_t i = 0; i < reference_count_; ++i) {
      const Reference& reference = references_[i];
      const auto distance = static_cast<std::uint32_t>(code_.size - (reference.offset + 4));
      std::memcpy(code_.bytes.data() + reference.offset, &distance, sizeof distance);
      put(reference.value);
    }
    return code_;
  }

 private:
  struct Reference {
    std::size_t offset;
    Address value;
  };

  template <class T>
  void put(T value) {
    copy(std::as_bytes(std::span(&value, 1)));
  }

  void refer(Address value) {
    references_[reference_count_++] = {code_.size, value};
    put(std::uint32_t{0});
  }

  bool wide_;
  Address slot_;
  SlotCode code_;
  std::array<Reference, 2> references_{};
  std::size_t reference_count_ = 0;
};

/// Of an x87 instruction, whether it leaves alone where the last one stood, which programs can read: in the slot that
/// would be another address.
bool keeps_x87_pointer(const Encoding& encoding) {
  if (encoding.mod() != 3)
    return (encoding.opcode == 0xd9 && (encoding.reg() == 5 || encoding.reg() == 7)) ||
           (encoding.opcode == 0xdd && encoding.reg() == 7);
  return (encoding.opcode == 0xdb && (encoding.modrm == 0xe2 || encoding.modrm == 0xe3)) ||
         (encoding.opcode == 0xdf && encoding.modrm == 0xe0);
}

bool one_byte_is_relocatable(const Encoding& encoding) {
  if (encoding.in(0xd8, 0xdf)) return keeps_x87_pointer(encoding);
  // popf may set the trap flag, whose trap comes one instruction later: it would come in the slot.
  return encoding.opcode != 0x9d;
}

/// Of the many instructions under this opcode, those that are known to be a program's and not to care where they are.
bool system_is_relocatable(const Encoding& encoding) {
  constexpr std::array<std::uint8_t, 6> known{0xd0, 0xe8, 0xee, 0xef, 0xf9, 0xfc};
  return encoding.mod() != 3 || (!encoding.rep && std::ranges::find(known, encoding.modrm) != known.end());
}

void write_branch(Writer& writer, const Encoding& encoding, Address next, Address target) {
  if (encoding.in(0xe0, 0xe3)) {
    // The address size chooses the counter.
    if (encoding.address_size_prefix) writer.copy(std::array{0x67_b});
    writer.copy(std::array{static_cast<std::byte>(encoding.opcode)});
  } else {
    writer.copy(std::array{static_cast<std::byte>(0x70U | (encoding.opcode & 0xfU))});
  }
  writer.copy(std::array{static_cast<std::byte>(writer.jump_length())});
  writer.place(next);
  writer.jump(next);
  writer.place(target);
  writer.jump(target);
}

}  // namespace

bool is_relocatable(const Instruction& instruction, const Encoding& encoding) {
  // Relative to the low half of the pc.
  if (encoding.pc_relative() && encoding.address_size_prefix) return false;
  switch (instruction.flow) {
    case Flow::trap:
    case Flow::other: return false;
    // A direct one without a target has prefixes that make it differ from processor to processor.
    case Flow::branch:
      // Undocumented: with a rep prefix loope and loopne are each other.
      return instruction.target && !encoding.lock && !(encoding.in(0xe0, 0xe3) && (encoding.rep || encoding.repne));
    case Flow::jump: return (instruction.target || encoding.modrm_at != 0) && !encoding.lock;
    // An indirect one would push the address after it in the slot.
    case Flow::call: return instruction.target && !encoding.lock;
    case Flow::ret:
    case Flow::syscall:
    case Flow::next: break;
  }
  if (encoding.vector) return true;
  if (encoding.is_0f(0x01)) return system_is_relocatable(encoding);
  return encoding.map != OpcodeMap::one_byte || one_byte_is_relocatable(encoding);
}

std::optional<SlotCode> relocate(const TrapPlan& plan, Arch arch, Address at, Address slot) {
  if (!plan.relocatable) return std::nullopt;
  const std::optional<Encoding> encoding = parse_encoding(plan.bytes, arch);
  const Instruction& instruction = plan.instruction;
  const Address next = at + instruction.length;
  Writer writer(encoding->wide, slot);
  writer.place(at);
  if (instruction.target) {
    switch (instruction.flow) {
      case Flow::branch: write_branch(writer, *encoding, next, *instruction.target); break;
      case Flow::call:
        writer.push(next);
        writer.place(*instruction.target);
        writer.jump(*instruction.target);
        break;
      default: writer.jump(*instruction.target); break;
    }
    return writer.finish();
  }
  std::array<std::byte, 16> bytes = plan.bytes;
  if (encoding->pc_relative()) {
    const auto far = static_cast<std::int64_t>(static_cast<Address>(displacement_of(*encoding, bytes)) + (at - slot));
    const auto near = static_cast<std::int32_t>(far);
    if (near != far) return std::nullopt;
    std::memcpy(bytes.data() + encoding->displacement_at, &near, sizeof near);
  }
  writer.copy(std::span(bytes).first(instruction.length));
  if (instruction.flow != Flow::jump && instruction.flow != Flow::ret) {
    writer.place(next);
    writer.jump(next);
  }
  return writer.finish();
}

}  // namespace trapline::arch
