#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>

namespace trapline::os {

/// DR0 to DR7 of an x86 thread, by number.
using DebugRegisters = std::array<std::uint64_t, 8>;

/// Makes a stopped thread whose registers hold `now` hold the addresses and the control of `wanted`. When the kernel
/// refuses, the OsError says why and the thread has what it had.
void change_debug_registers(pid_t tid, const DebugRegisters& now, const DebugRegisters& wanted);

/// Which debug registers fired: their status as of the thread's last debug exception, which a stop for another reason
/// leaves as it was.
[[nodiscard]] std::uint64_t debug_status(pid_t tid);

/// Whether debug registers do what they say: some hypervisors let them be set, and they never fire. Tried out the first
/// time that it is asked, by a short-lived child of the calling thread; throws OsError when there can be none.
[[nodiscard]] bool debug_registers_work();
/// Tries it out each time.
[[nodiscard]] bool try_debug_registers();
/// The text for who wanted one where they do not work.
inline constexpr const char* no_debug_registers =
    "the debug registers of this machine do not fire, as under some hypervisors: only breakpoints without them work "
    "here";

}  // namespace trapline::os
