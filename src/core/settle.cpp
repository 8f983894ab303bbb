#include "core/settle.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include "arch/arch.hpp"
#include "core/breakpoints.hpp"
#include "core/owed_signals.hpp"
#include "core/process.hpp"
#include "os/proc.hpp"

namespace trapline::core {
namespace {

using Run = ThreadState::Run;

constexpr std::size_t amd64_rcx = 11;

bool trap_signal_stop(const ThreadState& thread) { return thread.status.delivered_signal() == SIGTRAP; }

/// At a syscall's stop: what the kernel took from the slot's address.
void correct_call(ThreadState& thread, const Slot& slot, Address pc, Address meant) {
  if (thread.process->arch() == Arch::amd64 && thread.registers.word(amd64_rcx) == pc) {
    thread.registers.set_word(amd64_rcx, meant);
  }
  if (!thread.status.syscall_stop()) return;
  thread.known_info = os::syscall_info(thread.tid);
  thread.known_info->pc = meant;
  thread.follows_call = slot.flow == arch::Flow::syscall;
}

/// Some faults tell the program the instruction's address.
void correct_fault(ThreadState& thread, const Slot& slot) {
  if (!thread.status.signal_stop()) return;
  siginfo_t info = os::signal_info(thread.tid);
  if (!raised_by_instruction(info) || reinterpret_cast<std::uintptr_t>(info.si_addr) != slot.start) return;
  info.si_addr = reinterpret_cast<void*>(slot.site);
  os::set_signal_info(thread.tid, info);
}

void leave_slot(ThreadState& thread) {
  const auto& info = arch::info(thread.process->arch());
  Slots& slots = thread.process->address_space().breakpoints().slots();
  const Slot* slot = std::exchange(thread.slot, nullptr);
  const Address pc = thread.registers.glance(info.pc);
  if (slot == nullptr || !slot->contains(pc)) slot = slots.pinned() ? slots.find(pc) : nullptr;
  if (slot == nullptr) return;
  const Address meant = slot->stands_for(pc);
  thread.registers.set_word(info.pc, meant);
  if (pc == slot->start) {
    thread.trapped_at = slot->site;
    correct_fault(thread, *slot);
  } else if (slot->flow == arch::Flow::syscall) {
    correct_call(thread, *slot, pc, meant);
  }
}

/// Whether a SIGTRAP with the pc just past a trap is the trap's: after an instruction of one byte a step or a signal
/// from elsewhere looks the same.
bool is_trap_signal(ThreadState& thread, const Site* site) {
  const bool certain = site != nullptr && site->plan.instruction.length > 1 && thread.last_resume != os::Resume::step;
  return certain || os::signal_info(thread.tid).si_code == arch::info(thread.process->arch()).trap_signal_code;
}

/// The kernel goes back onto the syscall instruction, and so onto the trap, to restart a call: that is no hit.
bool restarts_here(ThreadState& thread, const Site& site) {
  if (site.plan.instruction.flow != arch::Flow::syscall || thread.calls.empty()) return false;
  const OpenCall& call = thread.calls.top();
  return call.state == OpenCall::State::restarting && call.pc == site.address + site.plan.instruction.length;
}

void recognise_hit(ThreadState& thread) {
  Process& process = *thread.process;
  const auto& info = arch::info(process.arch());
  const Address at = thread.registers.glance(info.pc) - info.pc_after_trap;
  Breakpoints& breakpoints = process.address_space().breakpoints();
  const Site* site = breakpoints.find(at);
  if (site == nullptr && !breakpoints.was_at(at)) return;
  if (!is_trap_signal(thread, site)) return;
  if (site == nullptr) {
    // It ran into the trap before that was taken out; an instruction of the program's own would still be there.
    std::array<std::byte, 4> now{};
    const auto bytes = std::span(now).first(info.trap_instruction.size());
    if (process.memory().read(at, bytes) != bytes.size() || std::ranges::equal(bytes, info.trap_instruction)) return;
  }
  thread.registers.set_word(info.pc, at);
  thread.status = os::WaitStatus::bare_stop();
  if (site == nullptr) return;
  thread.trapped_at = at;
  // In memory that it shares it is a hit of nobody's.
  const bool own = &breakpoints == &process.breakpoints();
  thread.hit_due = thread.site_due = own && !restarts_here(thread, *site);
}

/// A hit of debug registers; true when the stop is one.
bool recognise_watched(ThreadState& thread) {
  Breakpoints& breakpoints = thread.process->breakpoints();
  if (!breakpoints.watchpoints().recognise(thread)) return false;
  thread.status = os::WaitStatus::bare_stop();
  thread.hit_due = !thread.watched.empty();
  const bool before = std::ranges::any_of(thread.watched, [](const WatchHit& hit) { return hit.execute; });
  if (!before) return true;
  // A debug register is quicker than the trap instruction at the same place; the kernel lets the thread past it.
  const Address pc = thread.registers.glance(arch::info(thread.process->arch()).pc);
  if (breakpoints.find(pc) != nullptr) {
    thread.trapped_at = pc;
    thread.site_due = true;
  }
  return true;
}

}  // namespace

void settle(ThreadState& thread) {
  const bool slots_pinned = thread.process->address_space().breakpoints().slots().pinned();
  if (thread.slot != nullptr || slots_pinned) leave_slot(thread);
  Watchpoints& watchpoints = thread.process->breakpoints().watchpoints();
  if (watchpoints.in_use() && trap_signal_stop(thread) && recognise_watched(thread)) {
    send_owed(thread);
  } else {
    if (!thread.owed.empty()) settle_owed(thread);
    if (!thread.settled && trap_signal_stop(thread)) recognise_hit(thread);
  }
  if (watchpoints.in_use()) watchpoints.update(thread);
}

bool goes_on_to_trap(ThreadState& thread) {
  if (!thread.status.bare()) return false;
  Process& process = *thread.process;
  Breakpoints& breakpoints = process.address_space().breakpoints();
  const auto behind_trap = [&] {
    const auto& info = arch::info(process.arch());
    const Address at = thread.registers.glance(info.pc) - info.pc_after_trap;
    return breakpoints.find(at) != nullptr || breakpoints.was_at(at);
  };
  if (thread.last_resume != os::Resume::step && !(breakpoints.in_use() && behind_trap())) return false;
  const os::ThreadStatus status = os::read_status(thread.tid);
  if (((status.pending & ~status.blocked) >> (SIGTRAP - 1) & 1) == 0) return false;
  os::resume(thread.tid, os::Resume::cont, 0);
  thread.registers.expire();
  thread.run = Run::running;
  process.tracer().note_resumed(thread);
  return true;
}

}  // namespace trapline::core
