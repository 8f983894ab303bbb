#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <trapline/disassembly.hpp>
#include <trapline/types.hpp>

#include "arch/instruction.hpp"

namespace trapline::arch {

/// An instruction in words. It has a length in any case: that of what is skipped when the bytes are no instruction.
struct Disassembled {
  std::size_t length = 0;
  InstructionKind kind = InstructionKind::bad;
  std::string mnemonic{};
  std::string operands{};
  std::optional<Address> target{};
  std::optional<Address> data{};
};

/// Not thread-safe: it wraps a handle of Capstone.
class Disassembler {
 public:
  Disassembler(Arch arch, Syntax syntax);
  Disassembler(const Disassembler&) = delete;
  Disassembler& operator=(const Disassembler&) = delete;
  ~Disassembler();

  /// The bytes must not be empty.
  [[nodiscard]] Disassembled decode(std::span<const std::byte> bytes, Address at) const;

 private:
  [[nodiscard]] bool disassemble(std::span<const std::byte> bytes, Address at) const;

  Arch arch_;
  Decoder decoder_;
  std::size_t handle_ = 0;
  void* scratch_ = nullptr;
};

}  // namespace trapline::arch
