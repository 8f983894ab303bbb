#include "core/trap_hits.hpp"

#include <algorithm>
#include <utility>

#include "arch/arch.hpp"
#include "core/breakpoints.hpp"
#include "core/process.hpp"
#include "core/trap_dispatch.hpp"

namespace trapline::core {
namespace {

/// Mapping memory for it lets other events in, which may remove the site.
void give_slot(ThreadState& thread, Address address, arch::TrapPlan plan) {
  Breakpoints& breakpoints = thread.process->breakpoints();
  const Slot* slot = breakpoints.slots().make(thread, address, plan);
  Site* const site = breakpoints.find(address);
  if (site == nullptr || site->plan.bytes != plan.bytes) return;
  if (site->slot == nullptr) site->slot = slot;
  site->slotless = site->slot == nullptr && !breakpoints.slots().mapping();
}

using Traps = Watchpoints::Traps;

/// All that were hit, in the order in which they were placed.
Traps merged(const std::shared_ptr<const Traps>& site, const std::vector<WatchHit>& watched) {
  Traps all;
  if (site) all = *site;
  for (const WatchHit& hit : watched) {
    for (const auto& trap : *hit.traps) {
      if (hit.execute || !trap->live()) continue;
      trap->hit_at = hit.address;
      trap->old_value = hit.old_value;
      trap->new_value = hit.new_value;
    }
    all.insert(all.end(), hit.traps->begin(), hit.traps->end());
  }
  std::ranges::sort(all, {}, [](const auto& trap) { return trap->order; });
  return all;
}

/// What one trap says to a hit.
Verdict run_trap(ThreadState& thread, const std::shared_ptr<BreakpointTrap>& trap) {
  if (trap->internal) return trap->live() ? trap->internal(thread) : Verdict::go_on;
  if (!takes(thread, *trap)) return Verdict::go_on;
  trap->count_hit();
  thread.hits.push_back(trap);
  if (trap->once) {
    trap->spent = true;
    trap->enabled = false;
    tell_change(*trap, *thread.process);
  }
  if (trap->synchronous()) return Verdict::stop;
  if (const auto callback = trap->callback) {
    call_user(thread, *trap, [&](Thread& handle) {
      Breakpoint breakpoint(trap);
      (*callback)(handle, breakpoint);
    });
  }
  return Verdict::go_on;
}

Verdict run_traps(ThreadState& thread, const Traps& traps) {
  bool stop = false;
  for (const auto& trap : traps) {
    stop |= run_trap(thread, trap) == Verdict::stop;
    if (cut_short(thread)) return Verdict::go_on;
  }
  return stop ? Verdict::stop : Verdict::go_on;
}

Site* site_at_pc(ThreadState& thread) {
  Process& process = *thread.process;
  return process.breakpoints().find(thread.registers.glance(arch::info(process.arch()).pc));
}

}  // namespace

Verdict on_trap_hit(ThreadState& thread) {
  thread.hit_due = false;
  const auto watched = std::exchange(thread.watched, {});
  const Site* site = std::exchange(thread.site_due, false) ? site_at_pc(thread) : nullptr;
  const auto traps = site != nullptr ? site->traps : nullptr;
  if (site != nullptr && site->slot == nullptr && !site->slotless && site->plan.relocatable) {
    give_slot(thread, site->address, site->plan);
    if (cut_short(thread)) return Verdict::go_on;
  }
  if (!watched.empty()) return run_traps(thread, merged(traps, watched));
  return traps ? run_traps(thread, *traps) : Verdict::go_on;
}

bool hit_would_stop(ThreadState& thread) {
  const auto stops = [&](const auto& trap) {
    return trap->internal || (trap->synchronous() && may_take(thread, *trap));
  };
  const Site* site = thread.site_due ? site_at_pc(thread) : nullptr;
  if (site != nullptr && std::ranges::any_of(*site->traps, stops)) return true;
  return std::ranges::any_of(thread.watched,
                             [&](const WatchHit& hit) { return std::ranges::any_of(*hit.traps, stops); });
}

bool hit_ends_step(const ThreadState& thread) {
  return thread.hit_due && thread.last_resume == os::Resume::step && !thread.watched.empty() &&
         std::ranges::none_of(thread.watched, [](const WatchHit& hit) { return hit.execute; });
}

}  // namespace trapline::core
