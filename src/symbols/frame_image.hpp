#pragma once

#include <trapline/types.hpp>

struct Elf;

namespace trapline::symbols {

/// An ELF image that holds the call frame information of another (.eh_frame, .eh_frame_hdr, .debug_frame) and nothing
/// else; empty when there is none.
///
/// It lets go of the file and its descriptor, keeps what a cache holds small, and makes libdw take sections whose type
/// it does not expect (SHT_X86_64_UNWIND, which lld writes) and files without section headers.
[[nodiscard]] Bytes frame_image(Elf* elf);

}  // namespace trapline::symbols
