#pragma once

#include <sys/types.h>

#include <cstdint>

#include "os/helper_task.hpp"

namespace trapline::os {

/// Wakes a thread that sleeps in waitid for its tracees, without a signal handler and without disturbing any tracee: a
/// task that any thread can stop.
///
/// A ring is a stop that lasts until it is answered, so one that comes just before the sleep is not lost, and many
/// rings are one.
class Doorbell {
 public:
  /// Makes the task; on the thread that is to be woken.
  Doorbell();

  [[nodiscard]] pid_t tid() const { return task_.tid(); }
  /// Any thread.
  void ring() noexcept;
  /// After its stop was seen: readies it for the next ring. What a ring announces must be looked for after this, not
  /// before; false when it died (somebody killed it).
  [[nodiscard]] bool answer();

  /// What the task is told, and tells.
  struct Start {
    long host = 0;
    std::uint32_t state = 0;
  };

 private:
  Start start_;
  HelperTask task_;
};

}  // namespace trapline::os
