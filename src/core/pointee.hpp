#pragma once

#include <optional>

#include <trapline/state.hpp>

#include "core/places.hpp"

namespace trapline::core {

class Process;

/// What is at an address; nothing when it is not mapped.
[[nodiscard]] std::optional<Pointee> pointee_at(Process& process, Places& places, Address address);

}  // namespace trapline::core
