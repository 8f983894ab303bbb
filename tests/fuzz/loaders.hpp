#pragma once

#include <trapline/types.hpp>

namespace trapline::fuzz {

/// Does with a file, which may be damaged in any way, all that the library would do with it.
void load_everything(ByteView file);

}  // namespace trapline::fuzz
