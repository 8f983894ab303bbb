#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>

namespace trapline::os {

/// Wakes a thread that sleeps in waitid for its tracees, without a signal handler and without disturbing any tracee: a
/// tiny child task, which any thread can stop.
///
/// A ring is a stop that lasts until it is answered, so one that comes just before the sleep is not lost, and many
/// rings are one. The task is not traced and sends no SIGCHLD at its end: that hides it from a host thread that waits
/// for any child.
class Doorbell {
 public:
  /// Makes the task; on the thread that is to be woken.
  Doorbell();
  ~Doorbell();
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  [[nodiscard]] pid_t tid() const { return tid_; }
  /// Any thread.
  void ring() const noexcept;
  /// After its stop was seen: readies it for the next ring. What a ring announces must be looked for after this, not
  /// before; false when it died (somebody killed it).
  [[nodiscard]] bool answer();

 private:
  pid_t tid_ = 0;
  std::byte* stack_ = nullptr;
};

}  // namespace trapline::os
