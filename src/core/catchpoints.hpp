#pragma once

#include <memory>
#include <vector>

#include "core/lifecycle_trap.hpp"
#include "core/verdict.hpp"

namespace trapline::core {

/// The lifecycle traps of a process. On the tracer thread.
class Catchpoints {
 public:
  using List = std::vector<std::shared_ptr<LifecycleTrap>>;

  void add(std::shared_ptr<LifecycleTrap> trap);
  void remove(const LifecycleTrap& trap);
  /// What a child has of its parent's: all but those for single threads.
  [[nodiscard]] Catchpoints inherited() const;
  /// For a new run.
  void reset_counts();
  /// Some trap is to see such events.
  [[nodiscard]] bool wants(Lifecycle event) const;
  /// Some trap may stop the process at it.
  [[nodiscard]] bool may_stop(const ThreadState& thread, Lifecycle event) const;
  /// In the order in which they were placed. Immutable, so that a dispatch under way goes on while callbacks place and
  /// remove traps.
  [[nodiscard]] const std::shared_ptr<const List>& list() const { return traps_; }

 private:
  std::shared_ptr<const List> traps_ = std::make_shared<const List>();
};

/// Runs the traps on an event of a thread that is stopped there, or dead.
Verdict run_catchpoints(ThreadState& thread, Lifecycle event, const LifecycleFacts& facts);

}  // namespace trapline::core
