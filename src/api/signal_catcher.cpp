#include <trapline/signal.hpp>

#include <algorithm>

#include "api/trap_control.hpp"
#include "core/process.hpp"
#include "core/signal_trap.hpp"

namespace trapline {

SignalCatcher::SignalCatcher(std::shared_ptr<core::SignalTrap> trap) : trap_(std::move(trap)) {}

bool SignalCatcher::enabled() const { return trap_->live(); }

void SignalCatcher::enable() const { enable_trap(*trap_); }
void SignalCatcher::disable() const { disable_trap(*trap_); }
void SignalCatcher::remove() const { remove_trap(*trap_); }

std::size_t SignalCatcher::hit_count() const { return trap_->hits; }

bool SignalCatcher::hit_on(const Thread& thread) const {
  bool result = false;
  core::ThreadState& state = *thread.state();
  state.process->at_rest_or_dead(state, [&] {
    if (!state.stopped() || !state.signal_stop) return;
    const auto& ran = state.signal_stop->ran;
    result = std::ranges::find(ran, trap_) != ran.end();
  });
  return result;
}

void SignalCatcher::set_callback(SignalCallback callback) const {
  change_trap(*trap_, [&] {
    trap_->callback = callback ? std::make_shared<const SignalCallback>(std::move(callback)) : nullptr;
  });
}

}  // namespace trapline
