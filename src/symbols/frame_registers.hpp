#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <trapline/types.hpp>

#include "support/function_ref.hpp"

namespace trapline::symbols {

/// Reads memory of the unwound thread: all of it, or false.
using ReadMemory = support::FunctionRef<bool(Address, std::span<std::byte>)>;

/// What unwinding must know of an architecture; registers go by their DWARF numbers.
struct FrameAbi {
  std::size_t word_size;
  std::size_t registers;
  std::size_t pc;
  std::size_t sp;
  std::size_t fp;
  /// Those that a function keeps unless its call frame information says where it saved them; a bit for each.
  std::uint32_t callee_saved;

  [[nodiscard]] bool keeps(std::size_t number) const {
    return number < registers && (callee_saved >> number & 1U) != 0;
  }
};

/// nullptr when frames of that architecture cannot be unwound.
[[nodiscard]] inline const FrameAbi* frame_abi(Arch arch) {
  // The psABIs' register numbers; the pc stands in the column of the return address. Kept are rbx, rbp and r12 to r15,
  // and ebx, ebp, esi and edi.
  static constexpr FrameAbi amd64{.word_size = 8, .registers = 17, .pc = 16, .sp = 7, .fp = 6, .callee_saved = 0xf048};
  static constexpr FrameAbi i386{.word_size = 4, .registers = 9, .pc = 8, .sp = 4, .fp = 5, .callee_saved = 0xe8};
  switch (arch) {
    case Arch::amd64: return &amd64;
    case Arch::i386: return &i386;
    case Arch::aarch64: break;
  }
  return nullptr;
}

/// The general registers as they are in one frame. Those that the functions it called did not keep are unknown.
class FrameRegisters {
 public:
  static constexpr std::size_t most = 17;

  [[nodiscard]] std::optional<std::uint64_t> get(std::size_t number) const {
    if (number >= most || (known_ >> number & 1U) == 0) return std::nullopt;
    return values_[number];
  }
  void set(std::size_t number, std::uint64_t value) {
    if (number >= most) return;
    values_[number] = value;
    known_ |= std::uint32_t{1} << number;
  }

 private:
  std::array<std::uint64_t, most> values_{};
  std::uint32_t known_ = 0;
};

/// What was found out about one frame.
struct FrameStep {
  /// The stack pointer of its caller.
  std::optional<Address> cfa{};
  bool signal_frame = false;
  /// Its caller's registers; none when it has no caller or that cannot be told.
  std::optional<FrameRegisters> caller{};
};

/// A word of the architecture's size.
[[nodiscard]] inline std::optional<std::uint64_t> read_word(const FrameAbi& abi, ReadMemory read, Address address) {
  std::uint64_t word = 0;
  if (!read(address, std::as_writable_bytes(std::span(&word, 1)).first(abi.word_size))) return std::nullopt;
  return word;
}

}  // namespace trapline::symbols
