#include <trapline/catchpoint.hpp>

#include <algorithm>

#include "api/trap_control.hpp"
#include "core/lifecycle_trap.hpp"
#include "core/process.hpp"

namespace trapline {

Catchpoint::Catchpoint(std::shared_ptr<core::LifecycleTrap> trap) : trap_(std::move(trap)) {}

bool Catchpoint::enabled() const { return trap_->live(); }
void Catchpoint::enable() const { enable_trap(*trap_); }
void Catchpoint::disable() const { disable_trap(*trap_); }
void Catchpoint::remove() const { remove_trap(*trap_); }
std::size_t Catchpoint::hit_count() const { return trap_->hits; }

bool Catchpoint::hit_on(const Thread& thread) const {
  bool result = false;
  core::ThreadState& state = *thread.state();
  state.process->at_rest_or_dead(
      state, [&] { result = std::ranges::any_of(state.caught, [&](const auto& caught) { return caught == trap_; }); });
  return result;
}

}  // namespace trapline
