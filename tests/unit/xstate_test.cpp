#include "arch/xstate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <trapline/types.hpp>

namespace trapline::arch {
namespace {

// The offsets of a usual CPU with AVX-512; the numbers are free as far as xstate.cpp goes.
constexpr XstateLayout sample{.avx = {576, 256}, .opmask = {1088, 64}, .zmm_high = {1152, 512}, .zmm16 = {1664, 1024}};
constexpr std::size_t sample_size = 2688;
constexpr std::size_t enabled_at = 464, in_use_at = 512;

const RegisterRow& row(const std::string& name) { return *find_register(Arch::amd64, name); }

Bytes area(std::uint64_t enabled, std::size_t size = sample_size) {
  Bytes bytes(size);
  std::memcpy(bytes.data() + enabled_at, &enabled, sizeof enabled);
  return bytes;
}

Bytes pattern(std::size_t size, unsigned seed) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(seed + i * 7);
  return bytes;
}

std::uint64_t in_use(const Bytes& bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + in_use_at, sizeof value);
  return value;
}

constexpr std::uint64_t avx512 = 0xe7;

TEST(Xstate, every_register_is_read_as_it_was_written) {
  unsigned seed = 1;
  for (const RegisterRow& one : registers(Arch::amd64)) {
    if (one.set == RegisterSet::general) continue;
    Bytes bytes = area(avx512);
    ASSERT_TRUE(has_vector(bytes, one, sample)) << one.name;
    const Bytes value = pattern(one.size, seed += 13);
    write_vector(bytes, one, sample, value);
    Bytes read(one.size);
    read_vector(bytes, one, sample, read);
    EXPECT_EQ(read, value) << one.name;
  }
}

TEST(Xstate, a_write_touches_its_register_only) {
  for (const RegisterRow& one : registers(Arch::amd64)) {
    if (one.set == RegisterSet::general) continue;
    Bytes bytes = area(avx512);
    write_vector(bytes, one, sample, Bytes(one.size, std::byte{0xff}));
    const auto set = static_cast<std::size_t>(std::ranges::count(bytes, std::byte{0xff}));
    EXPECT_EQ(set, one.size) << one.name;
  }
}

TEST(Xstate, narrow_registers_are_the_low_bytes_of_wide_ones) {
  for (int i = 0; i < 32; ++i) {
    Bytes bytes = area(avx512);
    const Bytes value = pattern(64, static_cast<unsigned>(i));
    write_vector(bytes, row("zmm" + std::to_string(i)), sample, value);
    for (const auto& [kind, size] : {std::pair{"xmm", 16}, std::pair{"ymm", 32}}) {
      Bytes read(static_cast<std::size_t>(size));
      read_vector(bytes, row(kind + std::to_string(i)), sample, read);
      EXPECT_TRUE(std::ranges::equal(read, std::span(value).first(read.size()))) << kind << i;
    }
  }
}

TEST(Xstate, a_write_marks_what_it_needs_as_in_use) {
  const auto used_by = [](const char* name, std::size_t size) {
    Bytes bytes = area(avx512);
    write_vector(bytes, row(name), sample, Bytes(size, std::byte{1}));
    return in_use(bytes);
  };
  EXPECT_EQ(used_by("st3", 10), 1U);
  EXPECT_EQ(used_by("fcw", 2), 1U);
  EXPECT_EQ(used_by("xmm9", 16), 2U);
  EXPECT_EQ(used_by("mxcsr", 4), 2U);
  EXPECT_EQ(used_by("ymm9", 32), 2U | 4U);
  EXPECT_EQ(used_by("ymm9", 16), 2U) << "the low half alone is SSE state";
  EXPECT_EQ(used_by("zmm9", 64), 2U | 4U | 64U);
  EXPECT_EQ(used_by("k1", 8), 32U);
  EXPECT_EQ(used_by("xmm16", 16), 128U);
  EXPECT_EQ(used_by("zmm31", 64), 128U);
}

TEST(Xstate, what_was_in_use_stays_so) {
  Bytes bytes = area(avx512);
  write_vector(bytes, row("st0"), sample, pattern(10, 1));
  write_vector(bytes, row("k0"), sample, pattern(8, 1));
  EXPECT_EQ(in_use(bytes), 33U);
}

TEST(Xstate, a_component_that_is_not_enabled_has_no_registers) {
  const Bytes sse_only = area(3);
  EXPECT_TRUE(has_vector(sse_only, row("xmm15"), sample));
  EXPECT_TRUE(has_vector(sse_only, row("st0"), sample));
  EXPECT_FALSE(has_vector(sse_only, row("ymm0"), sample));
  const Bytes with_avx = area(7);
  EXPECT_TRUE(has_vector(with_avx, row("ymm0"), sample));
  for (const char* name : {"zmm0", "k0", "xmm16", "ymm31", "zmm31"})
    EXPECT_FALSE(has_vector(with_avx, row(name), sample)) << name;
}

TEST(Xstate, what_the_kernel_does_not_hand_out_is_no_register) {
  EXPECT_FALSE(has_vector(area(avx512, 1152), row("zmm0"), sample));
  EXPECT_TRUE(has_vector(area(avx512, 1152), row("k7"), sample));
  EXPECT_TRUE(has_vector(area(0, 576), row("xmm0"), sample)) << "x87 and SSE are always there";
  EXPECT_FALSE(has_vector({}, row("xmm0"), sample));
  EXPECT_FALSE(has_vector(area(avx512), row("rax"), sample));
}

TEST(Xstate, what_the_cpu_has_not_is_no_register) {
  EXPECT_FALSE(has_vector(area(avx512), row("ymm0"), XstateLayout{}));
  EXPECT_TRUE(has_vector(area(avx512), row("xmm0"), XstateLayout{}));
}

TEST(Xstate, mxcsr_mask) {
  Bytes bytes = area(3);
  EXPECT_EQ(mxcsr_mask(bytes), 0xffbfU) << "0 stands for the oldest CPUs";
  bytes[28] = bytes[29] = std::byte{0xff};
  EXPECT_EQ(mxcsr_mask(bytes), 0xffffU);
}

#if defined(__x86_64__)
TEST(Xstate, layout_of_this_cpu) {
  unsigned low = 0, size = 0, unused = 0, high = 0;
  if (__get_cpuid_count(0xd, 0, &low, &size, &unused, &high) == 0) GTEST_SKIP() << "this CPU has no XSAVE";
  const XstateLayout& layout = host_xstate_layout();
  const std::array<std::tuple<unsigned, XstateComponent, std::size_t>, 4> components{
      {{2, layout.avx, 256}, {5, layout.opmask, 64}, {6, layout.zmm_high, 512}, {7, layout.zmm16, 1024}}};
  for (const auto& [number, component, usual] : components) {
    if ((low >> number & 1) == 0) continue;
    EXPECT_EQ(component.size, usual) << number;
    EXPECT_GE(component.offset, 576U) << number << " lies behind the header";
    EXPECT_LE(component.offset + component.size, size) << number << " lies in what the CPU saves";
  }
}
#endif

}  // namespace
}  // namespace trapline::arch
