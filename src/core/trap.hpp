#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>

#include <trapline/thread.hpp>
#include <trapline/trap.hpp>

namespace trapline::core {

class Process;

/// What every kind of trap has: to which events it applies, and its counts. It belongs to the tracer thread, except the
/// atomics.
class Trap {
 public:
  Trap() = default;
  virtual ~Trap() = default;
  Trap(const Trap&) = delete;
  Trap& operator=(const Trap&) = delete;

  /// It was enabled, disabled, removed, or got another callback: brings the process in line with that.
  virtual void changed(Process& owner) = 0;
  [[nodiscard]] bool live() const {
    return enabled.load(std::memory_order_relaxed) && !removed.load(std::memory_order_relaxed);
  }
  /// For a new run.
  void reset() {
    if (spent) enabled = true;
    hits = 0;
    ignored = 0;
    spent = false;
  }
  /// One more hit; only the tracer thread writes the count, so that it needs no locked instruction.
  void count_hit() { hits.store(hits.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }

  std::weak_ptr<Process> process;
  Condition condition;
  std::optional<Thread> thread;
  bool once = false;
  std::size_t ignore_count = 0;

  std::atomic<bool> enabled{true};
  std::atomic<bool> removed{false};
  std::atomic<std::size_t> hits{0};
  std::size_t ignored = 0;
  /// A `once` trap has had its hit.
  bool spent = false;
};

}  // namespace trapline::core
