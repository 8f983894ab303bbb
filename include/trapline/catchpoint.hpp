#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <trapline/thread.hpp>
#include <trapline/trap.hpp>
#include <trapline/types.hpp>

namespace trapline {

namespace core {
class LifecycleTrap;
}

class Process;

/// How a process ends: by itself with a code, or by a signal.
struct ExitStatus {
  std::optional<int> code{};
  std::optional<int> signal{};
};

// All of these run on the tracer thread with the reporting thread at rest and the others running.

/// Runs when a process has had a child that is followed, which stands before its first instruction: traps that are to
/// be there from its beginning are placed here.
using ForkCallback = std::function<void(Thread& parent, Process& child)>;
/// Runs when a program was executed, before its first instruction.
using ExecCallback = std::function<void(Thread&)>;
/// Runs in the last thread of a process that ends, while its memory is still there; unless it was killed at a stop,
/// when only the registers of that stop are left.
using ExitCallback = std::function<void(Thread&, const ExitStatus&)>;
/// Runs before a thread's first instruction, or after its last one with its memory still there.
using ThreadCallback = std::function<void(Thread&)>;

/// A library that the dynamic loader has loaded into a process, or unloaded from it.
struct Library {
  /// Of the file that is mapped; what the loader calls it when nothing is mapped any more.
  std::string path{};
  /// What is added to an address in the file to get the one in the process: where it begins, nearly always.
  Address base = 0;
  bool loaded = true;

  friend bool operator==(const Library&, const Library&) = default;
};

/// Runs for each library, in the order of their loading. One that was loaded is mapped, and its constructors have not
/// run yet; one that was unloaded is not mapped any more.
using LoadCallback = std::function<void(Thread&, const Library&)>;

/// Which ends of a thread's life are of interest; when both are empty the catchpoint is synchronous at both. The first
/// thread of a process is born with it: that is no birth of a thread.
struct ThreadEvents {
  ThreadCallback born{};
  ThreadCallback died{};
};

/// When a catchpoint applies.
struct CatchpointOptions {
  /// Only on this thread.
  std::optional<Thread> thread{};
  /// Disables itself after its first hit.
  bool once = false;
  /// So many hits are let pass uncounted first.
  std::size_t ignore_count = 0;
  Condition condition{};
};

/// A trap on the life of a process: fork, exec, exit, the births and deaths of its threads, its libraries. A handle: it
/// stays valid after `remove()` and after the process is gone; all calls work at any time.
class TRAPLINE_API Catchpoint {
 public:
  [[nodiscard]] bool enabled() const;
  void enable() const;
  void disable() const;
  /// Takes it out for good; the count stays readable.
  void remove() const;

  [[nodiscard]] std::size_t hit_count() const;
  /// True when that thread is stopped at an event on which this catchpoint ran.
  [[nodiscard]] bool hit_on(const Thread& thread) const;

  friend bool operator==(const Catchpoint& a, const Catchpoint& b) { return a.trap_ == b.trap_; }

  /// For trapline itself: handles come from Process::on_fork and its like.
  explicit Catchpoint(std::shared_ptr<core::LifecycleTrap> trap);

 private:
  std::shared_ptr<core::LifecycleTrap> trap_;
};

}  // namespace trapline
