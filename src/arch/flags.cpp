#include "arch/flags.hpp"

#include <algorithm>
#include <array>

namespace trapline::arch {
namespace {

// Intel SDM vol. 1, 3.4.3. Bit 1 is always set and has no name.
constexpr std::array x86{Flag{"CF", 0, true},  Flag{"PF", 2, true},  Flag{"AF", 4, true},  Flag{"ZF", 6, true},
                         Flag{"SF", 7, true},  Flag{"TF", 8, true},  Flag{"IF", 9, false}, Flag{"DF", 10, true},
                         Flag{"OF", 11, true}, Flag{"NT", 14, true}, Flag{"RF", 16, true}, Flag{"VM", 17, false},
                         Flag{"AC", 18, true}, Flag{"ID", 21, false}};
// Arm Architecture Reference Manual, C5.2 (NZCV).
constexpr std::array aarch64{Flag{"V", 28, true}, Flag{"C", 29, true}, Flag{"Z", 30, true}, Flag{"N", 31, true}};

}  // namespace

std::span<const Flag> flags(Arch arch) {
  if (arch == Arch::aarch64) return aarch64;
  return x86;
}

std::string_view flags_register(Arch arch) {
  switch (arch) {
    case Arch::amd64: return "rflags";
    case Arch::i386: return "eflags";
    case Arch::aarch64: break;
  }
  return "pstate";
}

const Flag* find_flag(Arch arch, std::string_view name) {
  const auto all = flags(arch);
  const auto found = std::ranges::find(all, name, &Flag::name);
  return found != all.end() ? &*found : nullptr;
}

}  // namespace trapline::arch
