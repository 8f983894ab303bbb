#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include <trapline/catchpoint.hpp>

#include "core/trap.hpp"

namespace trapline::core {

class ThreadState;

/// What happens in the life of a process.
enum class Lifecycle { fork, exec, exit, thread_born, thread_died, library };
inline constexpr std::size_t lifecycle_count = 6;

/// What is to be told of it.
struct LifecycleFacts {
  /// Of a fork: the first thread of the child.
  std::shared_ptr<ThreadState> child{};
  /// Of an exit.
  ExitStatus status{};
  /// Of a change by the dynamic loader, while the traps run: the one that is told.
  std::optional<Library> library{};
};

/// A trap on the life of a process.
class LifecycleTrap : public Trap {
 public:
  using Callback = std::function<void(Thread&, const LifecycleFacts&)>;

  void changed(Process& owner) override;
  [[nodiscard]] bool wants(Lifecycle event) const { return wanted[static_cast<std::size_t>(event)]; }
  [[nodiscard]] const Callback& callback(Lifecycle event) const { return callbacks[static_cast<std::size_t>(event)]; }
  [[nodiscard]] bool stops(Lifecycle event) const { return wants(event) && !callback(event); }
  void want(Lifecycle event, Callback with = {}) {
    wanted[static_cast<std::size_t>(event)] = true;
    callbacks[static_cast<std::size_t>(event)] = std::move(with);
  }

 private:
  std::array<bool, lifecycle_count> wanted{};
  std::array<Callback, lifecycle_count> callbacks{};
};

}  // namespace trapline::core
