#include <trapline/stop.hpp>

#include <fmt/format.h>

#include <ostream>

#include <trapline/syscall_id.hpp>

#include "core/thread_state.hpp"
#include "support/text.hpp"

namespace trapline {

std::string_view to_string(StopKind kind) {
  switch (kind) {
    case StopKind::syscall_enter: return "syscall_enter";
    case StopKind::syscall_exit: return "syscall_exit";
    case StopKind::breakpoint: return "breakpoint";
    case StopKind::watchpoint: return "watchpoint";
    case StopKind::signal: return "signal";
    case StopKind::interrupted: return "interrupted";
    case StopKind::stepped: return "stepped";
    case StopKind::fork: return "fork";
    case StopKind::born: return "born";
    case StopKind::exec: return "exec";
    case StopKind::thread_born: return "thread_born";
    case StopKind::thread_died: return "thread_died";
    case StopKind::library: return "library";
    case StopKind::exiting: return "exiting";
    case StopKind::exited: return "exited";
  }
  return "unknown";
}

namespace {

void print_values(std::ostream& out, const Breakpoint& breakpoint) {
  const auto before = breakpoint.old_value();
  const auto after = breakpoint.new_value();
  if (before && after) out << fmt::format(", {:#x} -> {:#x}", *before, *after);
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Stop& stop) {
  out << to_string(stop.kind) << " in thread " << stop.thread.tid();
  if (stop.kind == StopKind::syscall_enter || stop.kind == StopKind::syscall_exit) out << " (" << stop.syscall << ")";
  if (stop.kind == StopKind::breakpoint || stop.kind == StopKind::watchpoint) {
    out << " (";
    for (const Breakpoint& breakpoint : stop.breakpoints) out << breakpoint.location().text() << ' ';
    out << fmt::format("at {:#x}", stop.address);
    for (const Breakpoint& breakpoint : stop.breakpoints) print_values(out, breakpoint);
    out << ')';
  }
  if (stop.kind == StopKind::signal) {
    out << " (" << signal_name(stop.signal);
    if (stop.address != 0) out << fmt::format(" at {:#x}", stop.address);
    out << ")";
  }
  if (stop.child) out << " (child " << stop.child->tid() << ")";
  for (const Library& library : stop.libraries) {
    out << fmt::format(" ({} {} at {:#x})", library.loaded ? "loaded" : "unloaded", support::escape(library.path),
                       library.base);
  }
  if (stop.exit_code) out << " with code " << *stop.exit_code;
  if (stop.exit_signal) out << " by " << signal_name(*stop.exit_signal);
  if (stop.timed_out) out << " (timed out)";
  return out;
}

}  // namespace trapline
