#pragma once

#include <sys/types.h>

#include <cstddef>

namespace trapline::os {

/// A tiny child task of the host's, which shares its memory and its descriptors but is no thread of it. It runs raw
/// code (raw_clone.hpp), sends no SIGCHLD at its end, which hides it from a host thread that waits for any child, and
/// is killed at the end of this object, on the thread that has made it.
class HelperTask {
 public:
  /// `entry` must not return; `what` names it in errors.
  HelperTask(const char* what, void (*entry)(void*), void* argument);
  ~HelperTask();
  HelperTask(const HelperTask&) = delete;
  HelperTask& operator=(const HelperTask&) = delete;

  [[nodiscard]] pid_t tid() const { return tid_; }

 private:
  pid_t tid_ = 0;
  std::byte* stack_ = nullptr;
};

}  // namespace trapline::os
