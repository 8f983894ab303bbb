#pragma once

#include <csignal>

#include "core/process.hpp"
#include "core/thread_state.hpp"

namespace trapline::core {

// The signal of a thread at rest, as a user reads and changes it: at the delivery of one that signal, at any other stop
// one that is sent to it when it goes on. On the tracer thread.

/// 0 for none.
[[nodiscard]] int view_signal(const ThreadState& thread);
/// 0 drops it.
void view_set_signal(ThreadState& thread, int signal);
[[nodiscard]] siginfo_t view_signal_info(const ThreadState& thread);
void view_set_signal_info(ThreadState& thread, siginfo_t info);

/// Any thread, at any time.
void send_signal(Process& process, int signal);
void send_signal(ThreadState& thread, int signal);

}  // namespace trapline::core
