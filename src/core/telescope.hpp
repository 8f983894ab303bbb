#pragma once

#include <cstddef>
#include <optional>

#include <trapline/maps.hpp>
#include <trapline/telescope.hpp>

#include "core/memory_windows.hpp"
#include "support/function_ref.hpp"

namespace trapline::core {

/// What following pointers needs to know of a process.
struct PointerWorld {
  ReadMemory read;
  support::FunctionRef<std::optional<MemoryMap>(Address)> map_at;
  support::FunctionRef<std::optional<Symbol>(Address)> symbol_at;
  std::size_t pointer_size = 8;
};

/// Without any link when nothing can be read at the address.
[[nodiscard]] Telescope follow_pointers(Address address, const PointerWorld& world, const TelescopeOptions& options);

}  // namespace trapline::core
