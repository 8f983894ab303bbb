#include "arch/encoding.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace trapline::arch {
namespace {

constexpr std::size_t longest = 15;

// What follows each opcode, one character for each:
//   .  nothing           m  ModRM              x  not ours: undefined, or not the same everywhere
//   b  8 bits            B  ModRM, 8 bits      w  16 bits      e  16 and 8 bits (enter)
//   z  16 or 32 bits     Z  ModRM, those       v  16, 32 or 64 bits
//   j  a distance        o  an address         f  a far address
//   t, T  ModRM; as its middle field is 0 or 1 the immediate of `test`
constexpr std::string_view one_byte_forms =
    "mmmmbz..mmmmbz.x"   // 00
    "mmmmbz..mmmmbz.."   // 10
    "mmmmbzx.mmmmbzx."   // 20
    "mmmmbzx.mmmmbzx."   // 30
    "................"   // 40
    "................"   // 50
    "..mmxxxxzZbB...."   // 60
    "bbbbbbbbbbbbbbbb"   // 70
    "BZBBmmmmmmmmmmmm"   // 80
    "..........f....."   // 90
    "oooo....bz......"   // a0
    "bbbbbbbbvvvvvvvv"   // b0
    "BBw.mmBZe.w..b.."   // c0
    "mmmmbbx.mmmmmmmm"   // d0
    "bbbbbbbbjjfb...."   // e0
    "x.xx..tT......mm";  // f0
constexpr std::string_view two_byte_forms =
    "mmmmx.....x.xm.B"   // 00
    "mmmmmmmmmmmmmmmm"   // 10
    "xxxxxxxxmmmmmmmm"   // 20
    "......x.xxxxxxxx"   // 30
    "mmmmmmmmmmmmmmmm"   // 40
    "mmmmmmmmmmmmmmmm"   // 50
    "mmmmmmmmmmmmmmmm"   // 60
    "BBBBmmm.xxxxmmmm"   // 70
    "jjjjjjjjjjjjjjjj"   // 80
    "mmmmmmmmmmmmmmmm"   // 90
    "...mBmxx...mBmmm"   // a0
    "mmmmmmmmmxBmmmmm"   // b0
    "mmBmBBBm........"   // c0
    "mmmmmmmmmmmmmmmm"   // d0
    "mmmmmmmmmmmmmmmm"   // e0
    "mmmmmmmmmmmmmmmx";  // f0
static_assert(one_byte_forms.size() == 256 && two_byte_forms.size() == 256);

/// One-byte opcodes that 64-bit code has not, or has as something else.
constexpr std::string_view not_in_wide(
    "\x06\x07\x0e\x16\x17\x1e\x1f\x27\x2f\x37\x3f\x60\x61\x62\x82\x9a\xc4\xc5\xce\xd4\xd5\xea", 22);

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, bool wide) : bytes_(bytes.first(std::min(bytes.size(), longest))) {
    found_.wide = wide;
  }

  std::optional<Encoding> parse() {
    read_prefixes();
    const char form = read_opcode();
    if (form == 'x') return std::nullopt;
    read_rest(form);
    if (!same_everywhere(form)) return std::nullopt;
    if (at_ > bytes_.size()) return std::nullopt;
    found_.length = static_cast<std::uint8_t>(at_);
    return found_;
  }

 private:
  /// 0 past the end; whether that was reached is looked at once, when all is read.
  [[nodiscard]] std::uint8_t peek(std::size_t ahead = 0) const {
    return at_ + ahead < bytes_.size() ? std::to_integer<std::uint8_t>(bytes_[at_ + ahead]) : std::uint8_t{0};
  }
  std::uint8_t next() {
    const std::uint8_t byte = peek();
    ++at_;
    return byte;
  }

  void read_prefixes() {
    for (;; ++at_) {
      const std::uint8_t byte = peek();
      // A REX prefix counts only directly before the opcode.
      if (found_.wide && (byte & 0xf0U) == 0x40) {
        found_.rex = byte;
        continue;
      }
      switch (byte) {
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x64:
        case 0x65: found_.segment = byte; break;
        case 0x66: found_.operand_size_prefix = true; break;
        case 0x67: found_.address_size_prefix = true; break;
        case 0xf0: found_.lock = true; break;
        case 0xf2: found_.repne = true; break;
        case 0xf3: found_.rep = true; break;
        default: return;
      }
      found_.rex = 0;
    }
  }

  /// In 32-bit code a ModRM that names a register makes these another instruction, which has only memory operands.
  [[nodiscard]] bool at_vector_prefix() const { return found_.wide || (peek(1) & 0xc0U) == 0xc0; }

  char read_opcode() {
    found_.opcode = next();
    if (found_.opcode == 0xc4 || found_.opcode == 0xc5 || found_.opcode == 0x62) {
      --at_;
      if (at_vector_prefix()) return read_vector_opcode();
      ++at_;
    }
    if (found_.opcode != 0x0f) {
      const bool missing = found_.wide && not_in_wide.find(static_cast<char>(found_.opcode)) != std::string_view::npos;
      return missing ? 'x' : one_byte_forms[found_.opcode];
    }
    found_.map = OpcodeMap::two_byte;
    found_.opcode = next();
    if (found_.opcode != 0x38 && found_.opcode != 0x3a) return two_byte_forms[found_.opcode];
    found_.map = found_.opcode == 0x38 ? OpcodeMap::three_byte_38 : OpcodeMap::three_byte_3a;
    found_.opcode = next();
    return found_.map == OpcodeMap::three_byte_38 ? 'm' : 'B';
  }

  char read_vector_opcode() {
    found_.vector = true;
    // Any of these before it is an undefined instruction.
    if (found_.rex != 0 || found_.operand_size_prefix || found_.lock || found_.rep || found_.repne) return 'x';
    const std::uint8_t prefix = next();
    unsigned map = 1;
    if (prefix == 0xc4) {
      map = next() & 0x1fU;
      next();
    } else if (prefix == 0x62) {
      const std::uint8_t first = next();
      map = first & 7U;
      // 5 and 6 are those of half precision.
      if ((first & 8U) != 0 || (next() & 4U) == 0 || map == 0 || map == 4 || map == 7) return 'x';
      next();
    } else {
      next();
    }
    found_.opcode = next();
    if (map == 0 || map > 6 || (map > 3 && prefix != 0x62)) return 'x';
    found_.map = map == 1 ? OpcodeMap::two_byte : map == 3 ? OpcodeMap::three_byte_3a : OpcodeMap::three_byte_38;
    if (map == 3) return 'B';
    if (map != 1) return 'm';
    if (found_.opcode == 0x77) return '.';
    return two_byte_forms[found_.opcode] == 'B' && found_.opcode != 0x0f ? 'B' : 'm';
  }

  void read_rest(char form) {
    switch (form) {
      case 'm': read_modrm(); break;
      case 'B':
        read_modrm();
        read_immediate(1);
        break;
      case 'Z':
        read_modrm();
        read_immediate(word_size());
        break;
      case 't':
      case 'T':
        read_modrm();
        if (found_.reg() < 2) read_immediate(form == 't' ? 1 : word_size());
        break;
      case 'b': read_immediate(1); break;
      case 'w': read_immediate(2); break;
      case 'e': read_immediate(3); break;
      case 'z': read_immediate(word_size()); break;
      case 'v': read_immediate(found_.rex_w() ? 8 : word_size()); break;
      case 'j': read_immediate(word_size()); break;
      case 'f': read_immediate(word_size() + 2); break;
      case 'o': read_displacement(address_size()); break;
      default: break;
    }
  }

  [[nodiscard]] bool same_everywhere(char form) const {
    // In 64-bit code an AMD obeys the operand size prefix of a near branch, which shortens it, and an Intel does not.
    if (form == 'j' && found_.wide && word_size() == 2) return false;
    // AMD's XOP instructions begin like a `pop`.
    return !(found_.is(0x8f) && found_.reg() != 0);
  }

  [[nodiscard]] std::size_t word_size() const { return found_.operand_size_prefix && !found_.rex_w() ? 2 : 4; }
  [[nodiscard]] std::size_t address_size() const {
    if (found_.wide) return found_.address_size_prefix ? 4 : 8;
    return found_.address_size_prefix ? 2 : 4;
  }

  void read_modrm() {
    found_.modrm_at = static_cast<std::uint8_t>(at_);
    found_.modrm = next();
    if (found_.mod() == 3) return;
    if (address_size() == 2) {
      const bool word = found_.mod() == 2 || (found_.mod() == 0 && found_.rm() == 6);
      if (word || found_.mod() == 1) read_displacement(word ? 2 : 1);
      return;
    }
    unsigned base = found_.rm();
    if (base == 4) {
      found_.has_sib = true;
      found_.sib = next();
      base = found_.sib & 7U;
    }
    const bool word = found_.mod() == 2 || (found_.mod() == 0 && base == 5);
    if (word || found_.mod() == 1) read_displacement(word ? 4 : 1);
  }

  void read_displacement(std::size_t size) {
    found_.displacement_at = static_cast<std::uint8_t>(at_);
    found_.displacement_size = static_cast<std::uint8_t>(size);
    at_ += size;
  }

  void read_immediate(std::size_t size) {
    found_.immediate_at = static_cast<std::uint8_t>(at_);
    found_.immediate_size = static_cast<std::uint8_t>(size);
    at_ += size;
  }

  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  Encoding found_;
};

std::int64_t load_signed(std::span<const std::byte> bytes, std::size_t at, std::size_t size) {
  if (size == 0) return 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value |= std::to_integer<std::uint64_t>(bytes[at + i]) << (8 * i);
  const std::size_t unused = 64 - 8 * size;
  return static_cast<std::int64_t>(value << unused) >> unused;
}

}  // namespace

std::optional<Encoding> parse_encoding(std::span<const std::byte> bytes, Arch arch) {
  if (arch == Arch::aarch64) return std::nullopt;
  return Parser(bytes, arch == Arch::amd64).parse();
}

std::int64_t displacement_of(const Encoding& encoding, std::span<const std::byte> bytes) {
  return load_signed(bytes, encoding.displacement_at, encoding.displacement_size);
}

std::int64_t immediate_of(const Encoding& encoding, std::span<const std::byte> bytes) {
  return load_signed(bytes, encoding.immediate_at, encoding.immediate_size);
}

}  // namespace trapline::arch
