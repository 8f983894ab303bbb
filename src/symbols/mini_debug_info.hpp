#pragma once

#include <trapline/types.hpp>

namespace trapline::symbols {

/// Unpacks .gnu_debugdata: an ELF file with a symbol table alone, compressed by xz. Empty when it is damaged, or larger
/// than anybody's is.
[[nodiscard]] Bytes unpack_xz(ByteView packed);

}  // namespace trapline::symbols
