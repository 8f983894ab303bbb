#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <trapline/types.hpp>

#include "support/function_ref.hpp"

namespace trapline::arch {

struct Encoding;

enum class Operation : std::uint8_t {
  push,
  pop,
  move,
  move_sign_extended,
  load_address,
  add,
  subtract,
  compare,
  bit_and,
  test,
  bit_or,
  bit_xor,
  increment,
  decrement,
  jump,
  branch,
  call,
  ret,
  leave
};

/// An instruction as emulate() takes it: small, trivially copyable, and looked up nowhere any more.
struct Emulation {
  static constexpr std::uint8_t no_word = 0xff;

  struct Operand {
    enum class Kind : std::uint8_t { none, word, value, memory };
    Kind kind = Kind::none;
    /// Of a word: its index in the general register set, and where in it the register begins (8 for `ah`).
    std::uint8_t word = no_word;
    std::uint8_t shift = 0;
    /// In bytes.
    std::uint8_t size = 0;
  };
  /// What a memory operand (or lea) adds up, beside `value`.
  struct Memory {
    std::uint8_t base = no_word;
    std::uint8_t index = no_word;
    std::uint8_t segment = no_word;
    std::uint8_t scale = 1;
    /// The sum is cut to 32 bits.
    bool narrow = false;
  };

  Operation operation = Operation::move;
  Arch arch = Arch::amd64;
  /// Of a branch: the low four bits of its opcode.
  std::uint8_t condition = 0;
  Operand to;
  Operand from;
  Memory memory;
  /// An immediate, displacement or direct target; of ret: how many bytes of arguments it drops.
  std::uint64_t value = 0;
  /// The instruction after it.
  Address next = 0;
};

/// What an emulated instruction works on: words are indices of the general register set (NT_PRSTATUS), memory accesses
/// answer false for what would fault.
struct Machine {
  support::FunctionRef<std::uint64_t(std::size_t)> word;
  support::FunctionRef<void(std::size_t, std::uint64_t)> set_word;
  support::FunctionRef<bool(Address, std::span<std::byte>)> read;
  support::FunctionRef<bool(Address, std::span<const std::byte>)> write;
};

/// Nothing when it is none of the instructions that emulate() knows.
[[nodiscard]] std::optional<Emulation> emulation_of(const Encoding& encoding, std::span<const std::byte> bytes,
                                                    Address at);

/// Executes it, with the registers, memory, flags and pc that the processor would leave; false, with nothing changed,
/// when it would fault.
[[nodiscard]] bool emulate(const Emulation& emulation, const Machine& machine);

}  // namespace trapline::arch
