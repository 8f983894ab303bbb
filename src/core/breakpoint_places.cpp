#include "core/breakpoint_places.hpp"

#include <fmt/format.h>

#include <trapline/error.hpp>

#include "core/location.hpp"
#include "core/process.hpp"
#include "core/process_maps.hpp"

namespace trapline::core {

const Modules& BreakpointPlaces::modules() {
  const std::uint64_t epoch = process_.epoch();
  const unsigned settings = process_.symbol_settings().changes();
  if (!modules_ || epoch != modules_epoch_ || settings != modules_settings_ || process_.anyone_running()) {
    modules_.emplace(modules_of(process_));
    modules_epoch_ = epoch;
    modules_settings_ = settings;
  }
  return *modules_;
}

bool BreakpointPlaces::may_wait(const BreakpointTrap& trap) {
  if (trap.pending_allowed) return true;
  const std::string& module = trap.location.module();
  return !module.empty() && modules().maps().filter(module).empty();
}

std::optional<Address> BreakpointPlaces::locate_numeric(const Placement& placement) {
  // Of an earlier run: the same place in the same file.
  for (const MemoryMap& map : modules().maps()) {
    const auto& place = *placement.file;
    if (map.path == place.path && place.offset >= map.offset && place.offset < map.offset + map.size()) {
      return map.start + (place.offset - map.offset);
    }
  }
  return std::nullopt;
}

std::vector<Address> BreakpointPlaces::locate(Placement& placement, Unknown unknown) {
  if (placement.dropped) return {};
  if (placement.file) {
    const auto address = locate_numeric(placement);
    return address ? std::vector{*address} : std::vector<Address>();
  }
  const BreakpointTrap& trap = *placement.trap;
  std::vector<Address> places;
  try {
    if (trap.uses_debug_register()) {
      places = {resolve(trap.location, modules())};
    } else {
      places = resolve_all(trap.location, modules());
    }
  } catch (const SymbolError&) {
    // A debug register watches what is not mapped yet.
    if (trap.uses_debug_register() && trap.location.address() && trap.location.module().empty())
      return {*trap.location.address()};
    if (unknown == Unknown::throws && !may_wait(trap)) throw;
    return {};
  }
  if (trap.location.address() && trap.location.module().empty()) {
    const Address address = places.front();
    const MemoryMap* map = modules().maps().at(address);
    if (map != nullptr && map->inode != 0) {
      placement.file = {.path = map->path, .offset = address - map->start + map->offset};
    }
  }
  return places;
}

void BreakpointPlaces::check_place(const BreakpointTrap& trap, Address address, Unknown unknown) {
  if (unknown == Unknown::waits || trap.internal) return;
  const MemoryMap* map = modules().maps().at(address);
  if (map != nullptr && map->executable) return;
  throw UsageError(fmt::format(
      "breakpoint({}): {:#x} is {}, where nothing is executed; to see reads and writes there, place a watchpoint",
      trap.location.text(), address,
      map == nullptr
          ? "not mapped"
          : fmt::format("in {} ({})", map->path.empty() ? "anonymous memory" : map->path, map->permissions())));
}

bool BreakpointPlaces::moved_away(Placement& placement) {
  // A debug register does not notice that its library went.
  const BreakpointTrap& trap = *placement.trap;
  const bool bare = trap.location.address() && trap.location.module().empty();
  return trap.uses_debug_register() && !bare && locate(placement, Unknown::waits) != std::vector{placement.address};
}

}  // namespace trapline::core
