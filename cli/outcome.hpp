#pragma once

#include <trapline/error.hpp>
#include <trapline/stop.hpp>

namespace cli {

/// The status of a shell for a program that cannot be executed: 127 when it is not found, 126 otherwise.
[[nodiscard]] int launch_status(const trapline::OsError& error);
/// Ends like the process did: returns its exit status, or dies of its signal without a core file of our own.
int end_like(const trapline::Stop& stop);
/// Dies of the signal, as if it had no handler here.
[[noreturn]] void die_of(int signal);

}  // namespace cli
