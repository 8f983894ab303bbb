#include "arch/late_mnemonics.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace trapline::arch {
namespace {

/// Which instruction it is, of those with a VEX or EVEX prefix (Intel SDM vol. 2, 2.3 and 2.7).
struct Vector {
  bool evex;
  std::uint8_t map;
  /// The prefix that is meant: none, 66, f3, f2.
  std::uint8_t prefix;
  std::uint8_t wide;
  std::uint8_t opcode;

  friend bool operator==(const Vector&, const Vector&) = default;
};

struct Row {
  Vector key;
  std::string_view name;
  /// It ends in a comparison that belongs into its name.
  bool compares = false;
};

constexpr std::uint8_t no_prefix = 0, p66 = 1, pf3 = 2, pf2 = 3;
constexpr std::uint8_t m0f = 1, m0f38 = 2, m0f3a = 3;

constexpr std::array rows{
    // Mask registers: AVX-512BW and DQ.
    Row{{false, m0f, p66, 0, 0x41}, "kandb"}, Row{{false, m0f, p66, 1, 0x41}, "kandd"},
    Row{{false, m0f, no_prefix, 1, 0x41}, "kandq"}, Row{{false, m0f, p66, 0, 0x42}, "kandnb"},
    Row{{false, m0f, p66, 1, 0x42}, "kandnd"}, Row{{false, m0f, no_prefix, 1, 0x42}, "kandnq"},
    Row{{false, m0f, p66, 0, 0x44}, "knotb"}, Row{{false, m0f, p66, 1, 0x44}, "knotd"},
    Row{{false, m0f, no_prefix, 1, 0x44}, "knotq"}, Row{{false, m0f, p66, 0, 0x45}, "korb"},
    Row{{false, m0f, p66, 1, 0x45}, "kord"}, Row{{false, m0f, no_prefix, 1, 0x45}, "korq"},
    Row{{false, m0f, p66, 0, 0x46}, "kxnorb"}, Row{{false, m0f, p66, 1, 0x46}, "kxnord"},
    Row{{false, m0f, no_prefix, 1, 0x46}, "kxnorq"}, Row{{false, m0f, p66, 0, 0x47}, "kxorb"},
    Row{{false, m0f, p66, 1, 0x47}, "kxord"}, Row{{false, m0f, no_prefix, 1, 0x47}, "kxorq"},
    Row{{false, m0f, p66, 1, 0x4a}, "kaddd"}, Row{{false, m0f, no_prefix, 1, 0x4a}, "kaddq"},
    Row{{false, m0f, no_prefix, 0, 0x4b}, "kunpckwd"}, Row{{false, m0f, no_prefix, 1, 0x4b}, "kunpckdq"},
    Row{{false, m0f, p66, 0, 0x90}, "kmovb"}, Row{{false, m0f, p66, 1, 0x90}, "kmovd"},
    Row{{false, m0f, no_prefix, 1, 0x90}, "kmovq"}, Row{{false, m0f, p66, 0, 0x91}, "kmovb"},
    Row{{false, m0f, p66, 1, 0x91}, "kmovd"}, Row{{false, m0f, no_prefix, 1, 0x91}, "kmovq"},
    Row{{false, m0f, p66, 0, 0x92}, "kmovb"}, Row{{false, m0f, pf2, 0, 0x92}, "kmovd"},
    Row{{false, m0f, pf2, 1, 0x92}, "kmovq"}, Row{{false, m0f, p66, 0, 0x93}, "kmovb"},
    Row{{false, m0f, pf2, 0, 0x93}, "kmovd"}, Row{{false, m0f, pf2, 1, 0x93}, "kmovq"},
    Row{{false, m0f, p66, 0, 0x98}, "kortestb"}, Row{{false, m0f, p66, 1, 0x98}, "kortestd"},
    Row{{false, m0f, no_prefix, 1, 0x98}, "kortestq"}, Row{{false, m0f, p66, 0, 0x99}, "ktestb"},
    Row{{false, m0f, p66, 1, 0x99}, "ktestd"}, Row{{false, m0f, no_prefix, 0, 0x99}, "ktestw"},
    Row{{false, m0f, no_prefix, 1, 0x99}, "ktestq"}, Row{{false, m0f3a, p66, 0, 0x30}, "kshiftrb"},
    Row{{false, m0f3a, p66, 0, 0x31}, "kshiftrd"}, Row{{false, m0f3a, p66, 1, 0x31}, "kshiftrq"},
    Row{{false, m0f3a, p66, 0, 0x32}, "kshiftlb"}, Row{{false, m0f3a, p66, 0, 0x33}, "kshiftld"},
    Row{{false, m0f3a, p66, 1, 0x33}, "kshiftlq"},
    // Comparisons into a mask.
    Row{{true, m0f, p66, 0, 0x74}, "vpcmpeqb"}, Row{{true, m0f, p66, 1, 0x74}, "vpcmpeqb"},
    Row{{true, m0f, p66, 0, 0x75}, "vpcmpeqw"}, Row{{true, m0f, p66, 0, 0x76}, "vpcmpeqd"},
    Row{{true, m0f, p66, 0, 0x64}, "vpcmpgtb"}, Row{{true, m0f, p66, 0, 0x65}, "vpcmpgtw"},
    Row{{true, m0f38, p66, 0, 0x26}, "vptestmb"}, Row{{true, m0f38, p66, 1, 0x26}, "vptestmw"},
    Row{{true, m0f38, p66, 0, 0x27}, "vptestmd"}, Row{{true, m0f38, p66, 1, 0x27}, "vptestmq"},
    Row{{true, m0f38, pf3, 0, 0x26}, "vptestnmb"}, Row{{true, m0f38, pf3, 1, 0x26}, "vptestnmw"},
    Row{{true, m0f38, pf3, 0, 0x27}, "vptestnmd"}, Row{{true, m0f38, pf3, 1, 0x27}, "vptestnmq"},
    Row{{true, m0f3a, p66, 0, 0x1e}, "ud", true}, Row{{true, m0f3a, p66, 1, 0x1e}, "uq", true},
    Row{{true, m0f3a, p66, 0, 0x1f}, "d", true}, Row{{true, m0f3a, p66, 1, 0x1f}, "q", true},
    Row{{true, m0f3a, p66, 0, 0x3e}, "ub", true}, Row{{true, m0f3a, p66, 1, 0x3e}, "uw", true},
    Row{{true, m0f3a, p66, 0, 0x3f}, "b", true}, Row{{true, m0f3a, p66, 1, 0x3f}, "w", true},
    // Arithmetic and moves.
    Row{{true, m0f38, p66, 0, 0x78}, "vpbroadcastb"}, Row{{true, m0f38, p66, 0, 0x79}, "vpbroadcastw"},
    Row{{true, m0f38, p66, 0, 0x7a}, "vpbroadcastb"}, Row{{true, m0f38, p66, 0, 0x7b}, "vpbroadcastw"},
    Row{{true, m0f38, p66, 1, 0xb4}, "vpmadd52luq"}, Row{{true, m0f38, p66, 1, 0xb5}, "vpmadd52huq"},
    Row{{true, m0f3a, p66, 0, 0x03}, "valignd"}, Row{{true, m0f3a, p66, 1, 0x03}, "valignq"},
    Row{{true, m0f3a, p66, 0, 0x25}, "vpternlogd"}, Row{{true, m0f3a, p66, 1, 0x25}, "vpternlogq"},
    Row{{true, m0f3a, p66, 0, 0x43}, "vshufi32x4"}, Row{{true, m0f3a, p66, 1, 0x43}, "vshufi64x2"}};

std::uint8_t at(std::span<const std::byte> bytes, std::size_t index) {
  return index < bytes.size() ? std::to_integer<std::uint8_t>(bytes[index]) : std::uint8_t{0};
}

std::optional<Vector> vector_of(std::span<const std::byte> bytes) {
  const auto bits = [](unsigned value, unsigned mask) { return static_cast<std::uint8_t>(value & mask); };
  switch (at(bytes, 0)) {
    case 0x62:
      return Vector{true, bits(at(bytes, 1), 7), bits(at(bytes, 2), 3), bits(at(bytes, 2) >> 7U, 1), at(bytes, 4)};
    case 0xc4:
      return Vector{false, bits(at(bytes, 1), 31), bits(at(bytes, 2), 3), bits(at(bytes, 2) >> 7U, 1), at(bytes, 3)};
    case 0xc5: return Vector{false, m0f, bits(at(bytes, 1), 3), 0, at(bytes, 2)};
    default: return std::nullopt;
  }
}

/// `vpcmpltub` and its like: the predicate is the last byte.
std::string comparison(std::string_view type, std::uint8_t predicate) {
  constexpr std::array<std::string_view, 8> words{"eq", "lt", "le", "", "neq", "nlt", "nle", ""};
  return "vpcmp" + std::string(predicate < words.size() ? words[predicate] : "") + std::string(type);
}

}  // namespace

std::string late_mnemonic(std::span<const std::byte> bytes) {
  if (at(bytes, 0) == 0x0f && at(bytes, 1) == 0x01 && at(bytes, 2) == 0xee) return "rdpkru";
  if (at(bytes, 0) == 0x0f && at(bytes, 1) == 0x01 && at(bytes, 2) == 0xef) return "wrpkru";
  const auto key = vector_of(bytes);
  const auto row = key ? std::ranges::find(rows, *key, &Row::key) : rows.end();
  if (row == rows.end()) return "(unknown)";
  return row->compares ? comparison(row->name, at(bytes, bytes.size() - 1)) : std::string(row->name);
}

}  // namespace trapline::arch
