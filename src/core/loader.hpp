#pragma once

#include <optional>
#include <string>
#include <vector>

#include <trapline/types.hpp>

#include "core/modules.hpp"

namespace trapline::core {

class Process;

/// The function that the dynamic loader calls when it has loaded or unloaded something (struct r_debug's r_brk,
/// link.h); nothing in a program without a loader.
[[nodiscard]] std::optional<Address> loader_event_address(Process& process, const Modules& modules);

/// A library in the lists of the dynamic loader (struct link_map).
struct LoadedObject {
  /// Its dynamic section in memory, which tells it from all others.
  Address dynamic = 0;
  /// What is added to an address in the file.
  Address base = 0;
  /// What the loader calls it.
  std::string name;
};

struct LoadedObjects {
  /// In the order of their loading, without the program; those of other namespaces (dlmopen) behind.
  std::vector<LoadedObject> objects;
  /// The loader is in the middle of a change.
  bool changing = false;
};

[[nodiscard]] LoadedObjects loaded_objects(Process& process, const Modules& modules);

}  // namespace trapline::core
