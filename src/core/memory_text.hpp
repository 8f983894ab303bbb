#pragma once

#include <cstddef>
#include <string>

#include <trapline/types.hpp>

namespace trapline::core {

class Process;

/// The string at an address, up to its zero byte, the end of what is mapped, or so many bytes; empty for none.
[[nodiscard]] std::string text_at(Process& process, Address address, std::size_t most = 4096);

}  // namespace trapline::core
