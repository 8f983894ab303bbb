#pragma once

#include <cstddef>
#include <optional>

#include <trapline/maps.hpp>

namespace trapline::core {

/// Linux 4.17; older kernels take the address as a wish, which may end out of reach.
inline constexpr int map_fixed_noreplace = 0x100000;

/// Room for so many bytes below a mapping, as near to a place as there is, within reach of a displacement.
[[nodiscard]] std::optional<Address> find_room(const MemoryMaps& maps, Address place, std::size_t size);

}  // namespace trapline::core
