#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>

#include "core/tracee_memory.hpp"
#include "os/trap_ledger.hpp"

namespace trapline::core {

/// The memory of a process, opened when somebody first wants it: that is a tenth of what a run costs, and often nobody
/// does. Its owner locks it, but for ready().
class LazyMemory {
 public:
  /// There is a process, or another image in it.
  void expect() {
    due_ = true;
    ready_.store(nullptr, std::memory_order_release);
  }
  void drop() {
    ready_.store(nullptr, std::memory_order_release);
    due_ = false;
    memory_.reset();
  }
  void open(pid_t pid, os::TrapLedger& ledger) {
    if (memory_) {
      memory_->reopen();
    } else {
      memory_ = std::make_unique<TraceeMemory>(pid, ledger);
    }
    due_ = false;
    ready_.store(memory_.get(), std::memory_order_release);
  }

  [[nodiscard]] bool due() const { return due_; }
  /// What was opened last, also of an earlier image.
  [[nodiscard]] TraceeMemory* opened() const { return memory_.get(); }
  /// Any thread, without a lock; nothing as long as it is not open.
  [[nodiscard]] TraceeMemory* ready() const { return ready_.load(std::memory_order_acquire); }

 private:
  std::unique_ptr<TraceeMemory> memory_;
  bool due_ = false;
  std::atomic<TraceeMemory*> ready_{nullptr};
};

}  // namespace trapline::core
