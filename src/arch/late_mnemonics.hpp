#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace trapline::arch {

/// The name of an x86 instruction that Capstone 4 does not know, of those that C libraries and ciphers are made of;
/// `(unknown)` for the others.
[[nodiscard]] std::string late_mnemonic(std::span<const std::byte> bytes);

}  // namespace trapline::arch
