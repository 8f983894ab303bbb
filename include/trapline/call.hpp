#pragma once

#include <string>

#include <trapline/error.hpp>
#include <trapline/stop.hpp>

namespace trapline {

/// A function that was called in the tracee was stopped by something: a synchronous trap, interrupt(), or a signal that
/// would have killed the process.
class TRAPLINE_API CallInterrupted : public Error {
 public:
  enum class Thread {
    in_function,  ///< it stands at that Stop: cont() lets the function end, and so do finish_call() and abandon_call()
    back,         ///< it is where it was before the call
    elsewhere,    ///< the function has made it execute another program
  };

  CallInterrupted(const std::string& what, Stop stop, Thread thread)
      : Error(what), stop_(std::move(stop)), thread_(thread) {}

  /// What stopped it.
  [[nodiscard]] const Stop& stop() const noexcept { return stop_; }
  /// Where that leaves the thread. Inside a callback it is never left in the function.
  [[nodiscard]] Thread thread() const noexcept { return thread_; }

 private:
  Stop stop_;
  Thread thread_;
};

}  // namespace trapline
