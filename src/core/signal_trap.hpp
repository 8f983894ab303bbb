#pragma once

#include <cstdint>
#include <memory>

#include <trapline/signal.hpp>

#include "core/trap.hpp"

namespace trapline::core {

/// A set of signals: bit N-1 for signal N.
using SignalMask = std::uint64_t;

[[nodiscard]] constexpr SignalMask mask_of(int signal) { return SignalMask{1} << (signal - 1); }
[[nodiscard]] constexpr bool contains(SignalMask mask, int signal) { return (mask >> (signal - 1) & 1) != 0; }

/// Which signals the user named.
struct WantedSignals {
  /// Named as "all": their traps come after those for single signals.
  bool all = false;
  SignalMask mask = 0;
};

/// A trap on signals.
class SignalTrap : public Trap {
 public:
  [[nodiscard]] bool synchronous() const { return replacement == 0 && !callback; }
  void changed(Process& owner) override;

  WantedSignals wanted;
  /// Shared, because a callback may replace itself while it runs.
  std::shared_ptr<const SignalCallback> callback;
  /// What a hijack makes of the signal; 0 for a catcher.
  int replacement = 0;
  bool recursive = false;
};

}  // namespace trapline::core
