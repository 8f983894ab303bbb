#include "arch/register_table.hpp"

#include <algorithm>
#include <array>

namespace trapline::arch {
namespace {

#define TRAPLINE_REGISTER(name, arch, set, offset, bytes, kind, accessor) \
  RegisterRow{#name, Arch::arch, RegisterSet::set, offset, bytes, RegisterKind::kind},
constexpr RegisterRow rows[] = {
#include <trapline/registers.def>
};

constexpr bool by_arch(const RegisterRow& a, const RegisterRow& b) { return a.arch < b.arch; }
static_assert(std::ranges::is_sorted(rows, by_arch));

constexpr auto names = [] {
  std::array<std::uint16_t, std::size(rows)> order{};
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint16_t>(i);
  std::ranges::sort(order, {}, [](std::uint16_t i) { return std::pair(rows[i].arch, rows[i].name); });
  return order;
}();

}  // namespace

std::span<const RegisterRow> registers(Arch arch) {
  const auto* begin = std::ranges::lower_bound(rows, arch, {}, &RegisterRow::arch);
  const auto* end = std::ranges::upper_bound(rows, arch, {}, &RegisterRow::arch);
  return {begin, end};
}

const RegisterRow* find_register(Arch arch, std::string_view name) {
  const auto key = std::pair(arch, name);
  const auto at =
      std::ranges::lower_bound(names, key, {}, [](std::uint16_t i) { return std::pair(rows[i].arch, rows[i].name); });
  return at != names.end() && rows[*at].arch == arch && rows[*at].name == name ? &rows[*at] : nullptr;
}

}  // namespace trapline::arch
