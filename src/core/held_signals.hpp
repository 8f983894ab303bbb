#pragma once

#include "core/process.hpp"
#include "core/thread_state.hpp"

namespace trapline::core {

// Signals that come to a thread later than the kernel delivered them, or that we send it ourselves. On the tracer
// thread.

/// It is stopped at the delivery of a signal.
[[nodiscard]] inline bool at_signal_delivery(const ThreadState& thread) {
  return thread.stopped() && thread.status.event() == os::WaitStatus::Event::none && !thread.status.syscall_stop();
}
/// It is, and that was dispatched: what `ThreadState::signal` says will be delivered.
[[nodiscard]] inline bool decides_delivery(const ThreadState& thread) {
  return at_signal_delivery(thread) && (!thread.pending || thread.signal_due);
}

/// What is delivered at this stop: with its own siginfo again when it was held.
[[nodiscard]] HeldSignal take_signal(ThreadState& thread);
/// Sends a signal that we owe the thread, by a carrier.
void send_held(ThreadState& thread, const HeldSignal& signal);
/// Takes the signal of a delivery that was dispatched; the thread is sent it when it goes on.
void put_off_signal(ThreadState& thread);
/// Has the thread sent this when it goes on. What was to be sent then is sent now.
void inject(ThreadState& thread, const HeldSignal& signal);

/// Whether signals of this number queue; of others the kernel keeps one.
[[nodiscard]] bool queues(int signal);
/// What the kernel tells of a signal that we send.
[[nodiscard]] siginfo_t info_from_us(int signal);
/// The signal is not the one that came, and the thread does not take it now.
[[nodiscard]] bool changed_to_blocked(const ThreadState& thread);
/// Takes out what is to be kept from the program.
void drop_blocked(ThreadState& thread);
/// Before the thread goes on, from any stop: sends what is to be sent.
void leave_signal_stop(ThreadState& thread);
/// At a delivery that is not dispatched any more: the program gets the signal.
void take_delivered(ThreadState& thread);

}  // namespace trapline::core
