#include <trapline/syscall.hpp>

#include <algorithm>

#include "api/trap_control.hpp"
#include "core/process.hpp"
#include "core/syscall_trap.hpp"

namespace trapline {
namespace {

using View = core::ThreadState::View;

bool ran_on(const std::shared_ptr<core::SyscallTrap>& trap, const Thread& thread, bool enter, bool exit) {
  bool result = false;
  core::ThreadState& state = *thread.state();
  state.process->at_rest_or_dead(state, [&] {
    if (!(enter && state.view == View::enter) && !(exit && state.view == View::exit)) return;
    const auto& ran = state.calls.top().ran;
    result = std::ranges::find(ran, trap) != ran.end();
  });
  return result;
}

}  // namespace

SyscallHandler::SyscallHandler(std::shared_ptr<core::SyscallTrap> trap) : trap_(std::move(trap)) {}

bool SyscallHandler::enabled() const { return trap_->live(); }

void SyscallHandler::enable() const { enable_trap(*trap_); }
void SyscallHandler::disable() const { disable_trap(*trap_); }
void SyscallHandler::remove() const { remove_trap(*trap_); }

std::size_t SyscallHandler::hit_count() const { return trap_->hits; }
std::size_t SyscallHandler::enter_count() const { return trap_->enters; }
bool SyscallHandler::hit_on(const Thread& thread) const { return ran_on(trap_, thread, true, true); }
bool SyscallHandler::hit_on_enter(const Thread& thread) const { return ran_on(trap_, thread, true, false); }
bool SyscallHandler::hit_on_exit(const Thread& thread) const { return ran_on(trap_, thread, false, true); }

void SyscallHandler::set_on_enter(SyscallCallback callback) const {
  change_trap(*trap_, [&] {
    trap_->on_enter = callback ? std::make_shared<const SyscallCallback>(std::move(callback)) : nullptr;
  });
}

void SyscallHandler::set_on_exit(SyscallCallback callback) const {
  change_trap(*trap_, [&] {
    trap_->on_exit = callback ? std::make_shared<const SyscallCallback>(std::move(callback)) : nullptr;
  });
}

}  // namespace trapline
