#include <trapline/breakpoint.hpp>

#include <algorithm>

#include "api/trap_control.hpp"
#include "core/breakpoint_trap.hpp"
#include "core/breakpoints.hpp"
#include "core/process.hpp"

namespace trapline {

Breakpoint::Breakpoint(std::shared_ptr<core::BreakpointTrap> trap) : trap_(std::move(trap)) {}

bool Breakpoint::enabled() const { return trap_->live(); }
void Breakpoint::enable() const { enable_trap(*trap_); }
void Breakpoint::disable() const { disable_trap(*trap_); }
void Breakpoint::remove() const { remove_trap(*trap_); }
std::size_t Breakpoint::hit_count() const { return trap_->hits; }

bool Breakpoint::hit_on(const Thread& thread) const {
  bool result = false;
  core::ThreadState& state = *thread.state();
  state.process->at_rest_or_dead(
      state, [&] { result = std::ranges::any_of(state.hits, [&](const auto& hit) { return hit == trap_; }); });
  return result;
}

void Breakpoint::set_callback(BreakpointCallback callback) const {
  change_trap(*trap_, [&] {
    trap_->callback = callback ? std::make_shared<const BreakpointCallback>(std::move(callback)) : nullptr;
  });
}

Location Breakpoint::location() const { return trap_->location; }

std::optional<Address> Breakpoint::address() const {
  const Address address = trap_->address;
  if (address == core::BreakpointTrap::nowhere) return std::nullopt;
  return address;
}

bool Breakpoint::armed() const {
  const auto process = trap_->process.lock();
  if (!process || process->gone()) return false;
  bool armed = false;
  process->tracer().call([&] { armed = process->breakpoints().armed(*trap_); });
  return armed;
}

bool Breakpoint::hardware() const { return trap_->hardware; }
Access Breakpoint::access() const { return trap_->access; }
std::size_t Breakpoint::length() const { return trap_->length; }

}  // namespace trapline
