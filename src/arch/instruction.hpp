#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <trapline/types.hpp>

#include "arch/emulate.hpp"

namespace trapline::arch {

/// Where an instruction leads: `branch` is conditional, `trap` raises a signal of its own (int3, ud2, hlt), `other` are
/// those that no caller cares to follow (far transfers, iret, transactions).
enum class Flow { next, jump, branch, call, ret, syscall, trap, other };

struct Instruction {
  std::size_t length = 0;
  Flow flow = Flow::other;
  /// A string instruction with a rep prefix: it may be interrupted, and single-stepped, in the middle.
  bool repeats = false;
  /// Of a direct jump, branch or call.
  std::optional<Address> target{};
};

/// How to get past a trapped instruction while the trap's byte stays; decided when the trap is placed. Where nothing of
/// it applies, the instruction is single-stepped in its place.
struct TrapPlan {
  /// Of length 0 when it is unknown.
  Instruction instruction;
  /// It does nothing but move the pc: a nop of any form, endbr, a direct jmp.
  std::optional<Address> moves_only_to{};
  std::optional<Emulation> emulation{};
  /// relocate() makes code for it, given a slot near enough.
  bool relocatable = false;
  /// The original instruction, and zeros.
  std::array<std::byte, 16> bytes{};
};

/// Not thread-safe: it wraps a handle of Capstone.
class Decoder {
 public:
  explicit Decoder(Arch arch);
  Decoder(Decoder&& other) noexcept;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  Decoder& operator=(Decoder&&) = delete;
  ~Decoder();

  /// Nothing when the bytes begin no known instruction, or are too few.
  [[nodiscard]] std::optional<Instruction> decode(std::span<const std::byte> bytes, Address at) const;
  [[nodiscard]] TrapPlan plan(std::span<const std::byte> bytes, Address at) const;

 private:
  [[nodiscard]] std::optional<Encoding> known_encoding(std::span<const std::byte> bytes) const;

  Arch arch_;
  std::size_t handle_ = 0;
  void* scratch_ = nullptr;
};

}  // namespace trapline::arch
