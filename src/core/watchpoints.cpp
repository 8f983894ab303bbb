#include "core/watchpoints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <trapline/error.hpp>

#include "core/process.hpp"
#include "os/debug_registers.hpp"
#include "os/error.hpp"
#include "support/text.hpp"

namespace trapline::core {
namespace {

using Event = os::WaitStatus::Event;

arch::DebugSlot slot_of(const BreakpointTrap& trap, Address address) {
  switch (trap.access) {
    case Access::execute: break;
    case Access::write: return {address, arch::DebugAccess::write, trap.length};
    case Access::read_write: return {address, arch::DebugAccess::read_write, trap.length};
  }
  return {address, arch::DebugAccess::execute, 1};
}

std::string named(const BreakpointTrap& trap) {
  return fmt::format("{}({})", trap.access == Access::execute ? "breakpoint" : "watchpoint", trap.location.text());
}

bool enabled_in(const arch::DebugRegisters& registers, std::size_t slot) {
  return (registers[arch::debug_control] >> (2 * slot) & 1) != 0;
}

std::shared_ptr<const Watchpoints::Traps> with(const Watchpoints::Traps& traps,
                                               const std::shared_ptr<BreakpointTrap>& trap) {
  auto changed = std::make_shared<Watchpoints::Traps>(traps);
  const auto later = std::ranges::find_if(*changed, [&](const auto& other) { return other->order > trap->order; });
  changed->insert(later, trap);
  return changed;
}

}  // namespace

void Watchpoints::check(const BreakpointTrap& trap, Address address) const {
  const std::string fault = arch::debug_slot_fault(process_.arch(), slot_of(trap, address));
  if (!fault.empty()) throw UsageError(fmt::format("{}: {}", named(trap), fault));
  if (os::debug_registers_work()) return;
  os::throw_explained(ENODEV, fmt::format("{}: {}", named(trap), os::no_debug_registers));
}

std::optional<Watchpoints::Slot>& Watchpoints::slot_for(const BreakpointTrap& trap, const arch::DebugSlot& what) {
  const auto same = std::ranges::find_if(slots_, [&](const auto& slot) { return slot && slot->what == what; });
  if (same != slots_.end()) return *same;
  const auto free = std::ranges::find_if(slots_, [](const auto& slot) { return !slot; });
  if (free != slots_.end()) return *free;
  std::vector<std::string> taken;
  for (const auto& slot : slots_) taken.push_back(slot->traps->front()->location.text());
  throw UsageError(fmt::format("{}: all {} debug registers are taken, by {}: remove or disable one of these",
                               named(trap), slots_.size(), support::join(taken, ", ")));
}

std::optional<std::uint64_t> Watchpoints::read(const arch::DebugSlot& what) const {
  if (what.access == arch::DebugAccess::execute) return std::nullopt;
  std::uint64_t value = 0;
  const auto bytes = std::as_writable_bytes(std::span(&value, 1)).first(what.length);
  if (process_.memory().read(what.address, bytes) != what.length) return std::nullopt;
  return value;
}

void Watchpoints::encode() {
  arch::DebugSlots all;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i]) all[i] = slots_[i]->what;
  }
  wanted_ = arch::encode_debug_slots(all);
}

void Watchpoints::put_at(const std::shared_ptr<BreakpointTrap>& trap, Address address) {
  check(*trap, address);
  const arch::DebugSlot what = slot_of(*trap, address);
  static_cast<void>(slot_for(*trap, what));
  // Before the slot changes: whoever has hit what it held before stops by then.
  const Process::AllHeld held(process_);
  try {
    auto& slot = slot_for(*trap, what);
    if (slot) {
      slot->traps = with(*slot->traps, trap);
    } else {
      slot = Slot{what, with({}, trap), read(what)};
      encode();
      used_ = true;
    }
    update_all();
  } catch (...) {
    remove(*trap);
    throw;
  }
}

void Watchpoints::remove(const BreakpointTrap& trap) {
  const auto has = [&](const auto& entry) { return entry.get() == &trap; };
  for (auto& slot : slots_) {
    if (!slot || std::ranges::none_of(*slot->traps, has)) continue;
    auto left = std::make_shared<Traps>(*slot->traps);
    std::erase_if(*left, has);
    if (left->empty()) {
      slot.reset();
    } else {
      slot->traps = std::move(left);
    }
  }
  encode();
  try {
    update_all();
  } catch (const OsError&) {
    // What is taken away is not refused; what was refused before is.
  }
}

void Watchpoints::clear() {
  slots_ = {};
  wanted_ = {};
  if (used_) update_all();
}

void Watchpoints::forget() {
  slots_ = {};
  wanted_ = {};
  used_ = false;
}

void Watchpoints::update_all() {
  for (const auto& thread : std::vector(process_.thread_list())) {
    if (thread->stopped()) update(*thread);
  }
}

void Watchpoints::update(ThreadState& thread) {
  if (thread.debug_registers == wanted_ || thread.status.event() == Event::exit) return;
  try {
    os::change_debug_registers(thread.tid, thread.debug_registers, wanted_);
    thread.debug_registers = wanted_;
  } catch (const ProcessGone&) {
    // Its death is on its way.
  }
}

std::optional<WatchHit> Watchpoints::look(std::size_t index, const ThreadState& thread) {
  auto& slot = slots_[index];
  // The register may hold another trap by now, in all threads but this one.
  if (!slot || thread.debug_registers != wanted_) {
    arch::DebugSlots alone;
    if (slot) alone[index] = slot->what;
    const arch::DebugRegisters meant = arch::encode_debug_slots(alone);
    const std::uint64_t fields = std::uint64_t{0xf} << (16 + 4 * index);
    const bool same = slot && thread.debug_registers[index] == meant[index] &&
                      ((thread.debug_registers[arch::debug_control] ^ meant[arch::debug_control]) & fields) == 0;
    if (!same) return std::nullopt;
  }
  const bool execute = slot->what.access == arch::DebugAccess::execute;
  WatchHit hit{.traps = slot->traps,
               .execute = execute,
               .address = slot->what.address,
               .old_value = slot->value,
               .new_value = read(slot->what)};
  slot->value = hit.new_value;
  return hit;
}

bool Watchpoints::recognise(ThreadState& thread) {
  const int code = os::signal_info(thread.tid).si_code;
  // A step that ends with an access is reported as a step; other signals leave the status as it was.
  if (code != TRAP_HWBKPT && code != TRAP_TRACE) return false;
  const auto enabled = [&](std::size_t slot) { return enabled_in(thread.debug_registers, slot); };
  std::size_t count = 0;
  for (std::size_t i = 0; i < slots_.size(); ++i) count += enabled(i) ? 1 : 0;
  // Where only one can be meant the status need not be asked for.
  const bool certain = code == TRAP_HWBKPT && count == 1;
  const std::uint64_t status = certain ? 0 : os::debug_status(thread.tid);
  bool ours = false;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!enabled(i) || (!certain && !arch::debug_slot_fired(status, i))) continue;
    ours = true;
    if (auto hit = look(i, thread)) thread.watched.push_back(std::move(*hit));
  }
  // A hit of what is gone by now is nothing, but a step is still a step.
  return ours && (code == TRAP_HWBKPT || !thread.watched.empty());
}

}  // namespace trapline::core
