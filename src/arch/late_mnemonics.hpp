#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <trapline/types.hpp>

namespace trapline::arch {

/// The name of an instruction that Capstone 4 does not know.
[[nodiscard]] std::string late_mnemonic(std::span<const std::byte> bytes, Arch arch);

}  // namespace trapline::arch
