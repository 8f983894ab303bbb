#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <trapline/syscall_id.hpp>
#include <trapline/thread.hpp>
#include <trapline/trap.hpp>
#include <trapline/types.hpp>

namespace trapline {

namespace core {
class SyscallTrap;
}

class SyscallHandler;

/// Runs on the tracer thread with the reporting thread at rest and the others running.
using SyscallCallback = std::function<void(Thread&, SyscallHandler&)>;

/// How a syscall is handled; without any callback the handler is synchronous and stops the process at enter and at
/// exit.
struct SyscallOptions {
  SyscallCallback on_enter{};
  SyscallCallback on_exit{};
  /// When a callback changed the number, the handlers of the new number that have not run yet run too.
  bool recursive = false;
  /// Only on this thread.
  std::optional<Thread> thread{};
  /// Disables itself after its first hit.
  bool once = false;
  /// So many hits are let pass uncounted first.
  std::size_t ignore_count = 0;
  Condition condition{};
};

/// How a hijacked syscall is called: the arguments given replace the program's, the others stay.
struct HijackOptions {
  std::optional<std::uint64_t> arg0{}, arg1{}, arg2{}, arg3{}, arg4{}, arg5{};
  bool recursive = false;
  std::optional<Thread> thread{};
  bool once = false;
  std::size_t ignore_count = 0;
  Condition condition{};
};

/// A trap on syscalls. A handle: it stays valid after `remove()` and after the process is gone; all calls work at any
/// time.
class TRAPLINE_API SyscallHandler {
 public:
  [[nodiscard]] bool enabled() const;
  void enable() const;
  /// A call of which it saw the enter shows it no exit.
  void disable() const;
  /// Takes it out for good; the counts stay readable.
  void remove() const;

  /// Completed syscalls; of a handler with only an `on_enter`, the enters.
  [[nodiscard]] std::size_t hit_count() const;
  [[nodiscard]] std::size_t enter_count() const;
  /// True when that thread is stopped at a syscall stop on which this handler ran.
  [[nodiscard]] bool hit_on(const Thread& thread) const;
  [[nodiscard]] bool hit_on_enter(const Thread& thread) const;
  [[nodiscard]] bool hit_on_exit(const Thread& thread) const;

  /// Replaces a callback; when both are empty the handler is synchronous.
  void set_on_enter(SyscallCallback callback) const;
  void set_on_exit(SyscallCallback callback) const;

  friend bool operator==(const SyscallHandler& a, const SyscallHandler& b) { return a.trap_ == b.trap_; }

  /// For trapline itself: handles come from Process::handle_syscall.
  explicit SyscallHandler(std::shared_ptr<core::SyscallTrap> trap);

 private:
  std::shared_ptr<core::SyscallTrap> trap_;
};

}  // namespace trapline
