#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "arch/register_table.hpp"

namespace trapline::arch {

/// Where a component of the XSAVE area lies in its standard form (Intel SDM vol. 1, 13.4.3); a size of 0 means that the
/// CPU has none.
struct XstateComponent {
  std::size_t offset = 0;
  std::size_t size = 0;
};

struct XstateLayout {
  XstateComponent avx;
  XstateComponent opmask;
  XstateComponent zmm_high;
  XstateComponent zmm16;
};

/// This CPU's layout (CPUID leaf 0DH).
[[nodiscard]] const XstateLayout& host_xstate_layout();

// On the bytes of NT_X86_XSTATE, as long as the kernel makes them. A component that the program never touched reads as
// its initial state, which the kernel fills in.

/// Whether CPU and kernel have the register.
[[nodiscard]] bool has_vector(std::span<const std::byte> area, const RegisterRow& row, const XstateLayout& layout);
/// The bits of mxcsr that the CPU has; setting another one is a fault (Intel SDM vol. 1, 11.6.6).
[[nodiscard]] std::uint32_t mxcsr_mask(std::span<const std::byte> area);
/// The register's bytes into `into`, which is as long as it or shorter.
void read_vector(std::span<const std::byte> area, const RegisterRow& row, const XstateLayout& layout,
                 std::span<std::byte> into);
/// Writes its low bytes and marks the components as in use.
void write_vector(std::span<std::byte> area, const RegisterRow& row, const XstateLayout& layout,
                  std::span<const std::byte> bytes);

}  // namespace trapline::arch
