#include "core/room.hpp"

namespace trapline::core {
namespace {

/// A displacement reaches 2 GiB; the instruction's operand may itself be far from it.
constexpr Address reach = Address{1} << 30;
/// Below this nothing may be mapped (vm.mmap_min_addr).
constexpr Address lowest = 0x10000;

}  // namespace

std::optional<Address> find_room(const MemoryMaps& maps, Address place, std::size_t size) {
  // Not above a mapping: a heap grows there; and not below a stack.
  std::optional<Address> best;
  Address free_from = lowest;
  const auto distance = [&](Address at) { return at > place ? at - place : place - at; };
  for (const MemoryMap& map : maps) {
    const bool fits = map.start >= free_from && map.start - free_from >= 2 * size;
    if (fits && map.path != "[stack]" && map.path != "[vsyscall]") {
      const Address at = map.start - size;
      if (distance(at) < reach && (!best || distance(at) < distance(*best))) best = at;
    }
    free_from = map.end;
  }
  return best;
}

}  // namespace trapline::core
