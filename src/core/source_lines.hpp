#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <trapline/source.hpp>

#include "core/modules.hpp"

namespace trapline::core {

/// A line as a user writes it: `main.c:42`, or with more of the path.
struct LineName {
  std::string_view file;
  unsigned line = 0;
};

/// Nothing when the text is no such line.
[[nodiscard]] std::optional<LineName> line_name_in(std::string_view text);

/// The line that the code at an address is from.
[[nodiscard]] std::optional<SourceLine> line_at(Address address, const Modules& modules);
/// The calls inlined around an address, the innermost first.
[[nodiscard]] std::vector<InlinedCall> inlined_at(Address address, const Modules& modules);
/// Where a line begins, or the next one that has code, in each function of its own and each place where it was inlined.
[[nodiscard]] std::vector<Address> addresses_of(const LineName& name, const Modules& modules);
/// The same in these files, of which the program goes before libraries. Throws SymbolError with the list when several
/// source files can be meant, and with what to do when there is none.
[[nodiscard]] std::vector<Address> resolve_lines(const LineName& name, const Modules& modules,
                                                 std::span<const Modules::File* const> files);
/// Likewise the one place; throws SymbolError with the list when there are several.
[[nodiscard]] Address resolve_line(const LineName& name, const Modules& modules,
                                   std::span<const Modules::File* const> files);

}  // namespace trapline::core
