#include "os/debug_registers.hpp"

#include <algorithm>

#include <trapline/error.hpp>

#include "os/ptrace.hpp"

namespace trapline::os {
namespace {

constexpr std::size_t addresses = 4;
constexpr std::size_t status = 6;
constexpr std::size_t control = 7;

void change(pid_t tid, const DebugRegisters& now, const DebugRegisters& wanted) {
  const bool same_addresses = std::equal(now.begin(), now.begin() + addresses, wanted.begin());
  // The kernel checks each write by itself: a new address against the length that the slot had before, also when it is
  // off. An empty control resets the lengths. (ptrace_set_breakpoint_addr, Linux 6.1.)
  if (!same_addresses && now[control] != 0) write_debug_register(tid, control, 0);
  for (std::size_t i = 0; i < addresses; ++i) {
    if (now[i] != wanted[i]) write_debug_register(tid, i, wanted[i]);
  }
  if (!same_addresses || now[control] != wanted[control]) write_debug_register(tid, control, wanted[control]);
}

}  // namespace

void change_debug_registers(pid_t tid, const DebugRegisters& now, const DebugRegisters& wanted) {
  try {
    change(tid, now, wanted);
  } catch (const OsError&) {
    // Which of the writes were made is not known.
    try {
      write_debug_register(tid, control, 0);
      for (std::size_t i = 0; i < addresses; ++i) write_debug_register(tid, i, now[i]);
      write_debug_register(tid, control, now[control]);
    } catch (const Error&) {
    }
    throw;
  }
}

std::uint64_t debug_status(pid_t tid) { return read_debug_register(tid, status); }

}  // namespace trapline::os
