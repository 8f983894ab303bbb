#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <trapline/signal_id.hpp>
#include <trapline/thread.hpp>
#include <trapline/trap.hpp>
#include <trapline/types.hpp>

namespace trapline {

namespace core {
class SignalTrap;
}

class SignalCatcher;

/// Runs on the tracer thread with the reporting thread at rest, before the signal is delivered.
using SignalCallback = std::function<void(Thread&, SignalCatcher&)>;

/// How a signal is caught; without a callback the catcher is synchronous and stops the process before the delivery. The
/// callback of a hijack runs once the signal is replaced.
struct SignalOptions {
  SignalCallback callback{};
  /// When the signal was changed, the catchers of the new one that have not run yet run too.
  bool recursive = false;
  /// Only on this thread.
  std::optional<Thread> thread{};
  /// Disables itself after its first hit.
  bool once = false;
  /// So many hits are let pass uncounted first.
  std::size_t ignore_count = 0;
  Condition condition{};
};

/// A trap on signals. A handle: it stays valid after `remove()` and after the process is gone; all calls work at any
/// time.
class TRAPLINE_API SignalCatcher {
 public:
  [[nodiscard]] bool enabled() const;
  void enable() const;
  void disable() const;
  /// Takes it out for good; the count stays readable.
  void remove() const;

  [[nodiscard]] std::size_t hit_count() const;
  /// True when that thread is stopped at the delivery of a signal on which this catcher ran.
  [[nodiscard]] bool hit_on(const Thread& thread) const;

  /// Replaces the callback; an empty one makes the catcher synchronous.
  void set_callback(SignalCallback callback) const;

  friend bool operator==(const SignalCatcher& a, const SignalCatcher& b) { return a.trap_ == b.trap_; }

  /// For trapline itself: handles come from Process::catch_signal.
  explicit SignalCatcher(std::shared_ptr<core::SignalTrap> trap);

 private:
  std::shared_ptr<core::SignalTrap> trap_;
};

}  // namespace trapline
