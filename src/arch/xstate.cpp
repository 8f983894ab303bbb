#include "arch/xstate.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace trapline::arch {
namespace {

constexpr std::size_t legacy_size = 512;
/// What the kernel puts where the hardware leaves room: XCR0, the components that it has enabled (asm/ptrace-abi.h).
constexpr std::size_t enabled_offset = 464;
constexpr std::size_t in_use_offset = 512;
constexpr std::size_t xmm_offset = 160;

/// A run of a register's bytes in one component.
struct Piece {
  std::size_t offset;
  std::size_t size;
  /// The component's number in XCR0.
  unsigned component;
};

struct Pieces {
  std::array<Piece, 3> list{};
  std::size_t count = 0;
  bool possible = true;

  void add(const XstateComponent& where, std::size_t offset, std::size_t size, unsigned component) {
    possible &= where.size != 0;
    list[count++] = {where.offset + offset, size, component};
  }
};

constexpr unsigned x87 = 0, sse = 1, avx = 2, opmask = 5, zmm_high = 6, zmm16 = 7;

Pieces pieces_of(const RegisterRow& row, const XstateLayout& layout) {
  constexpr XstateComponent legacy{0, legacy_size};
  Pieces pieces;
  switch (row.set) {
    case RegisterSet::general: pieces.possible = false; break;
    case RegisterSet::legacy:
      pieces.add(legacy, row.offset, row.size, row.offset >= xmm_offset || row.name == "mxcsr" ? sse : x87);
      break;
    case RegisterSet::avx:
      pieces.add(legacy, xmm_offset + row.offset, 16, sse);
      pieces.add(layout.avx, row.offset, 16, avx);
      break;
    case RegisterSet::opmask: pieces.add(layout.opmask, row.offset, row.size, opmask); break;
    case RegisterSet::zmm_high:
      pieces.add(legacy, xmm_offset + row.offset / 2, 16, sse);
      pieces.add(layout.avx, row.offset / 2, 16, avx);
      pieces.add(layout.zmm_high, row.offset, 32, zmm_high);
      break;
    case RegisterSet::zmm16: pieces.add(layout.zmm16, row.offset, row.size, zmm16); break;
  }
  return pieces;
}

std::uint64_t load(std::span<const std::byte> area, std::size_t offset) {
  std::uint64_t value = 0;
  if (offset + sizeof value <= area.size()) std::memcpy(&value, area.data() + offset, sizeof value);
  return value;
}

}  // namespace

const XstateLayout& host_xstate_layout() {
  static const XstateLayout layout = [] {
    XstateLayout found;
#if defined(__x86_64__) || defined(__i386__)
    const auto component = [](unsigned number) {
      unsigned size = 0, offset = 0, flags = 0, unused = 0;
      if (__get_cpuid_count(0xd, number, &size, &offset, &flags, &unused) == 0) return XstateComponent{};
      return XstateComponent{offset, size};
    };
    found = {component(avx), component(opmask), component(zmm_high), component(zmm16)};
#endif
    return found;
  }();
  return layout;
}

bool has_vector(std::span<const std::byte> area, const RegisterRow& row, const XstateLayout& layout) {
  const Pieces pieces = pieces_of(row, layout);
  if (!pieces.possible) return false;
  const std::uint64_t enabled = load(area, enabled_offset) | 3;
  return std::all_of(pieces.list.begin(), pieces.list.begin() + static_cast<std::ptrdiff_t>(pieces.count),
                     [&](const Piece& piece) {
                       return (enabled >> piece.component & 1) != 0 && piece.offset + piece.size <= area.size();
                     });
}

std::uint32_t mxcsr_mask(std::span<const std::byte> area) {
  constexpr std::size_t mask_offset = 28;
  constexpr std::uint32_t without_daz = 0xffbf;
  const auto mask = static_cast<std::uint32_t>(load(area, mask_offset));
  return mask != 0 ? mask : without_daz;
}

void read_vector(std::span<const std::byte> area, const RegisterRow& row, const XstateLayout& layout,
                 std::span<std::byte> into) {
  const Pieces pieces = pieces_of(row, layout);
  std::size_t done = 0;
  for (std::size_t i = 0; i < pieces.count && done < into.size(); ++i) {
    const std::size_t size = std::min(pieces.list[i].size, into.size() - done);
    std::memcpy(into.data() + done, area.data() + pieces.list[i].offset, size);
    done += size;
  }
}

void write_vector(std::span<std::byte> area, const RegisterRow& row, const XstateLayout& layout,
                  std::span<const std::byte> bytes) {
  const Pieces pieces = pieces_of(row, layout);
  std::uint64_t in_use = load(area, in_use_offset);
  std::size_t done = 0;
  for (std::size_t i = 0; i < pieces.count && done < bytes.size(); ++i) {
    const std::size_t size = std::min(pieces.list[i].size, bytes.size() - done);
    std::memcpy(area.data() + pieces.list[i].offset, bytes.data() + done, size);
    in_use |= std::uint64_t{1} << pieces.list[i].component;
    done += size;
  }
  if (in_use_offset + sizeof in_use <= area.size()) std::memcpy(area.data() + in_use_offset, &in_use, sizeof in_use);
}

}  // namespace trapline::arch
