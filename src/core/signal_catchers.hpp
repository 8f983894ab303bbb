#pragma once

#include <array>
#include <csignal>
#include <memory>
#include <optional>
#include <vector>

#include "core/signal_trap.hpp"
#include "os/signals.hpp"

namespace trapline::core {

/// The signal traps of a process, and what it is not to get.
class SignalCatchers {
 public:
  using List = std::vector<std::shared_ptr<SignalTrap>>;
  /// For each signal its traps in their order: those for it before those for all, older before newer. Immutable, so
  /// that a dispatch under way goes on while callbacks place and remove traps.
  struct Index {
    std::array<List, os::last_signal + 1> by_number;
  };

  SignalCatchers();

  void add(std::shared_ptr<SignalTrap> trap);
  void remove(const SignalTrap& trap);
  /// What a child has of its parent's: all but those for single threads.
  [[nodiscard]] SignalCatchers inherited() const;
  /// For a new run.
  void begin();
  [[nodiscard]] const std::shared_ptr<const Index>& index() const { return index_; }
  [[nodiscard]] const List& find(int signal) const { return index_->by_number[static_cast<std::size_t>(signal)]; }
  /// True when some synchronous trap may stop the process.
  [[nodiscard]] bool any_synchronous() const;

  /// Signals that are kept from the program.
  void block(SignalSet signals);
  [[nodiscard]] const SignalSet& blocked() const { return blocked_; }
  [[nodiscard]] bool blocks(int signal) const { return contains(blocked_mask_, signal); }

  /// A signal on its way to its delivery that is not for the catchers.
  struct Expected {
    siginfo_t info{};
    /// Observers have seen it.
    bool shown = false;
  };
  void expect(const Expected& signal);
  [[nodiscard]] std::optional<Expected> take_expected(const siginfo_t& info);
  [[nodiscard]] bool expects_any() const { return !expected_.empty(); }

 private:
  void rebuild();

  List traps_;
  std::shared_ptr<const Index> index_;
  SignalSet blocked_;
  SignalMask blocked_mask_ = 0;
  std::vector<Expected> expected_;
};

/// Makes a trap out of what the user asked for; throws UsageError for what is no signal, with near names.
[[nodiscard]] std::shared_ptr<SignalTrap> make_catcher(const SignalSet& signals, SignalOptions options);
[[nodiscard]] std::shared_ptr<SignalTrap> make_signal_hijack(const SignalSet& original, const SignalId& replacement,
                                                             SignalOptions options);
[[nodiscard]] WantedSignals resolve_signals(const SignalSet& signals);
[[nodiscard]] int resolve_signal(const SignalId& signal);

}  // namespace trapline::core
