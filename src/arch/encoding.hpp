#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <trapline/types.hpp>

namespace trapline::arch {

enum class OpcodeMap : std::uint8_t { one_byte, two_byte, three_byte_38, three_byte_3a };

/// Where the parts of one x86 instruction lie in its bytes (Intel SDM vol. 2, chapter 2); an offset of 0 means that
/// there is no such part.
struct Encoding {
  /// 64-bit code.
  bool wide = false;
  std::uint8_t length = 0;
  OpcodeMap map = OpcodeMap::one_byte;
  std::uint8_t opcode = 0;
  /// Encoded with a VEX or EVEX prefix.
  bool vector = false;
  bool operand_size_prefix = false;
  bool address_size_prefix = false;
  bool lock = false;
  bool rep = false;
  bool repne = false;
  /// The last segment prefix.
  std::uint8_t segment = 0;
  std::uint8_t rex = 0;

  std::uint8_t modrm_at = 0;
  std::uint8_t modrm = 0;
  bool has_sib = false;
  std::uint8_t sib = 0;
  std::uint8_t displacement_at = 0;
  std::uint8_t displacement_size = 0;
  std::uint8_t immediate_at = 0;
  std::uint8_t immediate_size = 0;

  [[nodiscard]] unsigned mod() const { return modrm >> 6U; }
  /// The middle field, of three bits: an operand or more of the opcode.
  [[nodiscard]] unsigned reg() const { return modrm >> 3U & 7U; }
  [[nodiscard]] unsigned rm() const { return modrm & 7U; }
  [[nodiscard]] bool has_memory() const { return modrm_at != 0 && mod() != 3; }
  [[nodiscard]] bool pc_relative() const { return wide && modrm_at != 0 && mod() == 0 && rm() == 5; }
  /// REX.W; it overrides the operand size prefix.
  [[nodiscard]] bool rex_w() const { return (rex & 8U) != 0; }
  [[nodiscard]] bool is(std::uint8_t one_byte) const {
    return map == OpcodeMap::one_byte && !vector && opcode == one_byte;
  }
  [[nodiscard]] bool is_0f(std::uint8_t second) const {
    return map == OpcodeMap::two_byte && !vector && opcode == second;
  }
  /// Within one of the one-byte opcodes.
  [[nodiscard]] bool in(std::uint8_t first, std::uint8_t last) const {
    return map == OpcodeMap::one_byte && !vector && opcode >= first && opcode <= last;
  }
};

/// Nothing when the bytes are too few, or begin with an opcode whose form is not the same on every processor. It does
/// not tell whether a processor knows the instruction.
[[nodiscard]] std::optional<Encoding> parse_encoding(std::span<const std::byte> bytes, Arch arch);

/// The displacement or immediate, its sign extended.
[[nodiscard]] std::int64_t displacement_of(const Encoding& encoding, std::span<const std::byte> bytes);
[[nodiscard]] std::int64_t immediate_of(const Encoding& encoding, std::span<const std::byte> bytes);

}  // namespace trapline::arch
