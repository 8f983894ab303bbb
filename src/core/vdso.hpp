#pragma once

#include "core/thread_state.hpp"

namespace trapline::core {

/// At an exec, before the new program's first instruction: takes the vDSO out of what the kernel tells the program, so
/// that its C library makes system calls instead. The vDSO stays mapped.
void hide_vdso(ThreadState& thread);

}  // namespace trapline::core
