#include "arch/calling.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "arch/xstate.hpp"

namespace trapline::arch {
namespace {

using Kind = CallValueKind;

// rdi rsi rdx rcx r8 r9; AMD64 psABI 3.2.3. al, of the word of rax, tells the number of vector registers.
constexpr std::array<std::size_t, 6> integers_amd64{14, 13, 12, 11, 9, 8};
constexpr std::byte operator""_b(unsigned long long value) { return static_cast<std::byte>(value); }

// xor edi, edi; mov eax, 231; syscall. And xor ebx, ebx; mov eax, 252; int 0x80: exit_group(0).
constexpr std::array exit_amd64{0x31_b, 0xff_b, 0xb8_b, 0xe7_b, 0x00_b, 0x00_b, 0x00_b, 0x0f_b, 0x05_b};
constexpr std::array exit_i386{0x31_b, 0xdb_b, 0xb8_b, 0xfc_b, 0x00_b, 0x00_b, 0x00_b, 0xcd_b, 0x80_b};

constexpr CallConvention amd64{.integers = integers_amd64,
                               .vectors = 8,
                               .vector_count = 10,
                               .result = 10,
                               .result_high = 12,
                               .results_in_x87 = false,
                               .end_process = exit_amd64};
// i386 psABI 2.2.3: everything is on the stack, and results are in edx:eax or st0.
constexpr CallConvention i386{.integers = {},
                              .vectors = 0,
                              .vector_count = std::nullopt,
                              .result = 6,
                              .result_high = 2,
                              .results_in_x87 = true,
                              .end_process = exit_i386};

constexpr std::size_t extended_size = 10;
// In the legacy area: the abridged tag word, which has a bit for each register in use, and the registers, st0 first
// (Intel SDM vol. 1, 10.5.1).
constexpr std::size_t tags_offset = 4;
constexpr std::size_t status_offset = 2;
constexpr std::size_t st0_offset = 32;

std::uint64_t word_of(const CallValue& value) {
  std::uint64_t word = 0;
  std::memcpy(&word, value.bytes.data(), sizeof word);
  return word;
}

CallValue value_of(Kind kind, std::uint64_t word) {
  CallValue value{.kind = kind};
  std::memcpy(value.bytes.data(), &word, sizeof word);
  return value;
}

void check_fits(const CallValue& value) {
  const std::uint64_t word = word_of(value);
  const auto narrow = static_cast<std::int64_t>(word);
  const bool fits = value.kind == Kind::signed_word ? narrow >= std::numeric_limits<std::int32_t>::min() &&
                                                          narrow <= std::numeric_limits<std::int32_t>::max()
                                                    : word <= std::numeric_limits<std::uint32_t>::max();
  if (fits) return;
  throw UsageError("an argument does not fit into the 32-bit process's word (" + std::to_string(word) +
                   "); for a parameter of 8 bytes pass a long long");
}

struct Size {
  std::size_t bytes;
  std::size_t alignment;
};

/// On the stack, of what it takes up and not only of its value.
Size stack_size(Arch arch, Kind kind) {
  const bool narrow = arch == Arch::i386;
  switch (kind) {
    case Kind::extended: return narrow ? Size{12, 4} : Size{16, 16};
    case Kind::wide:
    case Kind::real: return narrow ? Size{8, 4} : Size{8, 8};
    case Kind::nothing:
    case Kind::word:
    case Kind::signed_word:
    case Kind::single: break;
  }
  return narrow ? Size{4, 4} : Size{8, 8};
}

void push(CallPlan& plan, Arch arch, const CallValue& value) {
  const Size size = stack_size(arch, value.kind);
  const std::size_t at = (plan.stack.size() + size.alignment - 1) / size.alignment * size.alignment;
  plan.stack.resize(at + size.bytes);
  std::copy_n(value.bytes.begin(), size.bytes, plan.stack.begin() + static_cast<std::ptrdiff_t>(at));
}

bool in_vector(Kind kind) { return kind == Kind::single || kind == Kind::real; }
bool is_integer(Kind kind) { return kind == Kind::word || kind == Kind::signed_word || kind == Kind::wide; }

/// A number of the x87 (Intel SDM vol. 1, 4.2.2), by arithmetic that any host has.
double double_of_extended(std::span<const std::byte> bytes) {
  constexpr int bias = 16383;
  constexpr int fraction_bits = 63;
  constexpr std::uint16_t special = 0x7fff;
  std::uint64_t significand = 0;
  std::uint16_t top = 0;
  std::memcpy(&significand, bytes.data(), sizeof significand);
  std::memcpy(&top, bytes.data() + sizeof significand, sizeof top);
  const int exponent = top & special;
  double value = 0;
  if (exponent == special) {
    value = significand << 1 == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  } else {
    value = std::ldexp(static_cast<double>(significand), exponent - bias - fraction_bits);
  }
  return (top >> 15) != 0 ? -value : value;
}

CallValue floating_result(const CallConvention& convention, Kind kind, std::span<const std::byte> xstate) {
  CallValue value{.kind = kind};
  const auto st0 = xstate.subspan(st0_offset, extended_size);
  if (kind == Kind::extended) {
    std::ranges::copy(st0, value.bytes.begin());
  } else if (convention.results_in_x87) {
    const double number = double_of_extended(st0);
    const auto narrow = static_cast<float>(number);
    if (kind == Kind::single) std::memcpy(value.bytes.data(), &narrow, sizeof narrow);
    if (kind == Kind::real) std::memcpy(value.bytes.data(), &number, sizeof number);
  } else {
    read_vector(xstate, *find_register(Arch::amd64, "xmm0"), host_xstate_layout(), value.bytes);
  }
  return value;
}

}  // namespace

const CallConvention* call_convention(Arch arch) {
  switch (arch) {
    case Arch::amd64: return &amd64;
    case Arch::i386: return &i386;
    case Arch::aarch64: break;
  }
  return nullptr;
}

CallPlan plan_call(Arch arch, std::span<const CallValue> arguments) {
  const CallConvention& convention = *call_convention(arch);
  CallPlan plan;
  for (const CallValue& value : arguments) {
    const bool word = value.kind == Kind::word || value.kind == Kind::signed_word;
    if (word && info(arch).word_size == sizeof(std::uint32_t)) check_fits(value);
    if (is_integer(value.kind) && plan.registers.size() < convention.integers.size()) {
      plan.registers.push_back({convention.integers[plan.registers.size()], word_of(value)});
    } else if (in_vector(value.kind) && plan.vectors.size() < convention.vectors) {
      plan.vectors.push_back(value.bytes);
    } else {
      push(plan, arch, value);
    }
  }
  if (convention.vector_count) plan.registers.push_back({*convention.vector_count, plan.vectors.size()});
  return plan;
}

CallFrame lay_out(Arch arch, const CallPlan& plan, Address below, Address return_address) {
  const ArchInfo& about = info(arch);
  const Address arguments = (below - plan.stack.size()) / about.stack_alignment * about.stack_alignment;
  CallFrame frame{.sp = arguments - about.word_size, .bytes = {}, .sp_at_return = arguments};
  frame.bytes.resize(about.word_size);
  std::memcpy(frame.bytes.data(), &return_address, about.word_size);
  frame.bytes.insert(frame.bytes.end(), plan.stack.begin(), plan.stack.end());
  return frame;
}

void put_vectors(Arch arch, std::span<std::byte> xstate, const CallPlan& plan) {
  for (std::size_t i = 0; i < plan.vectors.size(); ++i) {
    const RegisterRow& row = *find_register(arch, "xmm" + std::to_string(i));
    write_vector(xstate, row, host_xstate_layout(), plan.vectors[i]);
  }
}

bool empty_x87(std::span<std::byte> xstate) {
  if (xstate[tags_offset] == std::byte{0}) return false;
  xstate[tags_offset] = std::byte{0};
  // The top of the stack is bits 11 to 13 of the status word.
  xstate[status_offset + 1] &= std::byte{0xc7};
  return true;
}

CallValue call_result(Arch arch, Kind kind, std::span<const std::byte> general, std::span<const std::byte> xstate) {
  const CallConvention& convention = *call_convention(arch);
  if (kind == Kind::nothing) return {};
  if (!is_integer(kind)) return floating_result(convention, kind, xstate);
  const std::size_t width = info(arch).word_size;
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::memcpy(&low, general.data() + convention.result * width, width);
  std::memcpy(&high, general.data() + convention.result_high * width, width);
  if (width == sizeof low) return value_of(kind, low);
  if (kind == Kind::wide) return value_of(kind, low | high << 32);
  if (kind == Kind::signed_word)
    low = static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(low)));
  return value_of(kind, low);
}

bool result_in_xstate(Kind kind) { return kind != Kind::nothing && !is_integer(kind); }

}  // namespace trapline::arch
