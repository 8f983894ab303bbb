#include "core/catchpoints.hpp"

#include <algorithm>

#include "core/process.hpp"
#include "core/trap_dispatch.hpp"

namespace trapline::core {
namespace {

StopKind kind_of(Lifecycle event) {
  switch (event) {
    case Lifecycle::fork: return StopKind::fork;
    case Lifecycle::exec: return StopKind::exec;
    case Lifecycle::exit: return StopKind::exiting;
    case Lifecycle::thread_born: return StopKind::thread_born;
    case Lifecycle::thread_died: return StopKind::thread_died;
    case Lifecycle::library: return StopKind::library;
  }
  return StopKind::interrupted;
}

}  // namespace

void LifecycleTrap::changed(Process& owner) {
  if (removed) owner.catchpoints().remove(*this);
  if (wants(Lifecycle::library)) owner.breakpoints().libraries_wanted();
}

void Catchpoints::add(std::shared_ptr<LifecycleTrap> trap) {
  auto changed = std::make_shared<List>(*traps_);
  changed->push_back(std::move(trap));
  traps_ = std::move(changed);
}

void Catchpoints::remove(const LifecycleTrap& trap) {
  auto changed = std::make_shared<List>(*traps_);
  std::erase_if(*changed, [&](const auto& entry) { return entry.get() == &trap; });
  traps_ = std::move(changed);
}

Catchpoints Catchpoints::inherited() const {
  Catchpoints result;
  for (const auto& trap : *traps_) {
    if (!trap->thread) result.add(trap);
  }
  return result;
}

void Catchpoints::reset_counts() {
  for (const auto& trap : *traps_) trap->reset();
}

bool Catchpoints::wants(Lifecycle event) const {
  return std::ranges::any_of(*traps_, [&](const auto& trap) { return trap->live() && trap->wants(event); });
}

bool Catchpoints::may_stop(const ThreadState& thread, Lifecycle event) const {
  return std::ranges::any_of(*traps_, [&](const auto& trap) { return trap->stops(event) && may_take(thread, *trap); });
}

Verdict run_catchpoints(ThreadState& thread, Lifecycle event, const LifecycleFacts& facts) {
  const auto traps = thread.process->catchpoints().list();
  const bool was_stopped = thread.stopped();
  bool stop = false;
  for (const auto& trap : *traps) {
    if (!trap->wants(event) || !takes(thread, *trap)) continue;
    trap->count_hit();
    if (trap->once) {
      trap->spent = true;
      trap->enabled = false;
    }
    // Of several libraries at one stop each is told by itself.
    if (std::ranges::find(thread.caught, trap) == thread.caught.end()) thread.caught.push_back(trap);
    thread.caught_as = kind_of(event);
    thread.caught_facts = facts;
    if (facts.library && (thread.caught_libraries.empty() || thread.caught_libraries.back() != *facts.library)) {
      thread.caught_libraries.push_back(*facts.library);
    }
    stop |= trap->stops(event);
    if (const auto& callback = trap->callback(event)) {
      call_user(thread, *trap, [&](Thread& handle) { callback(handle, facts); });
    }
    if (was_stopped && cut_short(thread)) return Verdict::go_on;
  }
  return stop ? Verdict::stop : Verdict::go_on;
}

}  // namespace trapline::core
