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

namespace {

/// Reads what belongs to the tracer thread while there is one.
template <class F>
void look_at(const core::BreakpointTrap& trap, F&& function) {
  const auto process = trap.process.lock();
  if (!process || process->tracer().stopped()) {
    function();
  } else {
    process->tracer().call(function);
  }
}

}  // namespace

std::optional<std::uint64_t> Breakpoint::old_value() const {
  std::optional<std::uint64_t> value;
  look_at(*trap_, [&] { value = trap_->old_value; });
  return value;
}

std::optional<std::uint64_t> Breakpoint::new_value() const {
  std::optional<std::uint64_t> value;
  look_at(*trap_, [&] { value = trap_->new_value; });
  return value;
}

bool Breakpoint::hardware() const { return trap_->hardware; }
Access Breakpoint::access() const { return trap_->access; }
std::size_t Breakpoint::length() const { return trap_->length; }

}  // namespace trapline
