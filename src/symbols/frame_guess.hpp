#pragma once

#include "symbols/unwind.hpp"

namespace trapline::symbols {

/// Unwinds a frame of code without call frame information (JIT code, hand-written assembly, a call of a bad pointer):
/// by what its instructions do with the stack, by the frame pointer, or by the return address on top of the stack. Only
/// what is plausible counts: a readable stack that grows downwards, and a return address behind a call instruction.
[[nodiscard]] FrameStep guess_frame(const UnwindSource& source, const FrameRegisters& registers, bool innermost);

}  // namespace trapline::symbols
