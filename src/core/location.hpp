#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <trapline/symbols.hpp>

#include "core/modules.hpp"

namespace trapline::core {

/// The address that a location means in a process: the one place that knows "absolute if mapped, otherwise relative to
/// the binary". Throws SymbolError.
[[nodiscard]] Address resolve(const Location& location, const Modules& modules);
/// All symbols of exactly that name, the program's own first.
[[nodiscard]] std::vector<Symbol> find_symbols(std::string_view name, const Modules& modules);
/// Whether at the address is a function that chooses another one when the program is linked (STT_GNU_IFUNC).
[[nodiscard]] bool is_indirect(Address address, const Modules& modules);
/// The symbol that contains the address or, without sizes, the nearest below it in the same module.
[[nodiscard]] std::optional<Symbol> symbol_at(Address address, const Modules& modules);

}  // namespace trapline::core
