#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <trapline/types.hpp>

namespace trapline::arch {

enum class RegisterSet { general, legacy, avx, opmask, zmm_high, zmm16 };
enum class RegisterKind { word, part, zeroing, vector };

struct RegisterRow {
  std::string_view name;
  Arch arch;
  RegisterSet set;
  std::size_t offset;
  std::size_t size;
  RegisterKind kind;
};

[[nodiscard]] std::span<const RegisterRow> registers(Arch arch);
/// nullptr when the architecture has none of that name.
[[nodiscard]] const RegisterRow* find_register(Arch arch, std::string_view name);

}  // namespace trapline::arch
