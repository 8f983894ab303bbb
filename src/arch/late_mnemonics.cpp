#include "arch/late_mnemonics.hpp"
namespace trapline::arch {
std::string late_mnemonic(std::span<const std::byte>, Arch) { return "(unknown)"; }
}  // namespace trapline::arch
