#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <trapline/symbols.hpp>

#include "core/modules.hpp"
#include "symbols/symbol_pattern.hpp"

namespace trapline::core {

/// The address that a location means in a process: the one place that knows "absolute if mapped, otherwise relative to
/// the binary". Throws SymbolError.
[[nodiscard]] Address resolve(const Location& location, const Modules& modules);
/// The same for what can be at several places at once: a source line is wherever it begins.
[[nodiscard]] std::vector<Address> resolve_all(const Location& location, const Modules& modules);
/// All symbols of that name by the first level that knows it, the program's own first.
[[nodiscard]] std::vector<Symbol> find_symbols(std::string_view name, const Modules& modules,
                                               SymbolLevel most = SymbolLevel::tables);
/// In the order of the modules and of addresses.
[[nodiscard]] std::vector<Symbol> matching_symbols(const symbols::SymbolPattern& pattern, const SymbolFilter& filter,
                                                   const Modules& modules);
/// Whether at the address is a function that chooses another one when the program is linked (STT_GNU_IFUNC).
[[nodiscard]] bool is_indirect(Address address, const Modules& modules);
/// The symbol that contains the address or, without sizes, the nearest below it in the same module.
[[nodiscard]] std::optional<Symbol> symbol_at(Address address, const Modules& modules);

}  // namespace trapline::core
