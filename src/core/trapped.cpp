#include "core/trapped.hpp"

#include <algorithm>
#include <csignal>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/breakpoints.hpp"
#include "core/held_signals.hpp"
#include "core/syscall_dispatch.hpp"
#include "core/trap_dispatch.hpp"
#include "os/proc.hpp"

namespace trapline::core {
namespace {

using Event = os::WaitStatus::Event;
using Path = Breakpoints::Path;
using Run = ThreadState::Run;

constexpr std::size_t amd64_rcx = 11;

bool trap_signal_stop(const ThreadState& thread) {
  return thread.status.signal_stop() && thread.status.stop_signal() == SIGTRAP;
}

/// A signal that the instruction itself raised: the program must find the pc on it.
bool raised_by_instruction(const siginfo_t& info) {
  const bool fault = info.si_signo == SIGSEGV || info.si_signo == SIGBUS || info.si_signo == SIGFPE ||
                     info.si_signo == SIGILL || info.si_signo == SIGTRAP;
  return fault && info.si_code > 0;
}

/// At a stop of a thread that signals are owed to: one more signal that came too early is put off too (sent again at
/// once it would only be in the way again); after the instruction the first is delivered right here.
void settle_owed(ThreadState& thread) {
  const bool at_signal = thread.status.signal_stop();
  const siginfo_t now = at_signal ? os::signal_info(thread.tid) : siginfo_t{};
  const bool too_early = thread.trapped_at && at_signal && !raised_by_instruction(now);
  if (too_early) {
    thread.owed.push_back(take_signal(thread));
    thread.status = os::WaitStatus::bare_stop();
    thread.settled = true;
    return;
  }
  auto owed = std::exchange(thread.owed, {});
  const bool stepped = at_signal && thread.last_resume == os::Resume::step && now.si_signo == SIGTRAP &&
                       now.si_code > 0 && now.si_code != arch::info(thread.process->arch()).trap_signal_code;
  if (stepped) {
    const siginfo_t first = owed.front().info;
    owed.erase(owed.begin());
    os::set_signal_info(thread.tid, first);
    thread.signal = first.si_signo;
    thread.status = os::WaitStatus::stopped(first.si_signo);
    thread.settled = true;
  }
  for (const HeldSignal& signal : owed) send_held(thread, signal);
}

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
  Slots& slots = thread.process->breakpoints().slots();
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
  Breakpoints& breakpoints = process.breakpoints();
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
  thread.hit_due = thread.site_due = !restarts_here(thread, *site);
}

/// A hit of debug registers; true when the stop is one.
bool recognise_watched(ThreadState& thread) {
  Breakpoints& breakpoints = thread.process->breakpoints();
  if (!breakpoints.watchpoints().recognise(thread)) return false;
  thread.status = os::WaitStatus::bare_stop();
  thread.hit_due = !thread.watched.empty();
  // A debug register is quicker than the trap instruction at the same place; the kernel lets the thread past it.
  const Address pc = thread.registers.glance(arch::info(thread.process->arch()).pc);
  const bool before = std::ranges::any_of(thread.watched, [](const WatchHit& hit) { return hit.execute; });
  if (before && breakpoints.find(pc) != nullptr) {
    thread.trapped_at = pc;
    thread.site_due = true;
  }
  return true;
}

bool emulate(ThreadState& thread, const Site& site) {
  if (!site.plan.emulation) return false;
  TraceeMemory& memory = thread.process->memory();
  const auto word = [&](std::size_t index) { return thread.registers.word(index); };
  const auto set_word = [&](std::size_t index, std::uint64_t value) { thread.registers.set_word(index, value); };
  const auto read = [&](Address at, std::span<std::byte> into) { return memory.read(at, into) == into.size(); };
  const auto write = [&](Address at, ByteView bytes) { return memory.write(at, bytes) == bytes.size(); };
  return arch::emulate(*site.plan.emulation, {.word = word, .set_word = set_word, .read = read, .write = write});
}

/// The instruction is the program's own trap: what it would have got from it.
void raise_own_trap(ThreadState& thread, const Site& site) {
  const auto& info = arch::info(thread.process->arch());
  thread.registers.set_word(info.pc, site.address + info.pc_after_trap);
  siginfo_t signal{};
  signal.si_signo = SIGTRAP;
  signal.si_code = info.trap_signal_code;
  send_held(thread, {.info = signal});
}

bool is_own_trap(const Process& process, const Site& site) {
  const auto trap = arch::info(process.arch()).trap_instruction;
  return site.plan.instruction.flow == arch::Flow::trap &&
         std::ranges::equal(std::span(site.plan.bytes).first(trap.size()), trap);
}

/// The code may have changed since it was looked at, by the user's writes or by the program's, which generates code:
/// looks again. False when the program has written over the trap itself.
bool plan_is_valid(Process& process, Site& site) {
  const std::size_t writes = process.memory().writes();
  if (!site.changeable && site.writes_seen == writes) return true;
  site.writes_seen = writes;
  auto now = decltype(site.plan.bytes){};
  const std::size_t length = std::max<std::size_t>(site.plan.instruction.length, 1);
  const auto bytes = std::span(now).first(length);
  const bool same = process.memory().read(site.address, bytes) == length &&
                    std::ranges::equal(bytes, std::span(site.plan.bytes).first(length));
  if (same) return true;
  if (!process.memory().intact(site.address)) return false;
  const std::size_t count = process.memory().read(site.address, now);
  site.plan = process.breakpoints().decoder().plan(std::span(now).first(count), site.address);
  // Slots stay for ever, so that code which keeps changing gets no more of them.
  site.slotless = site.slotless || site.slot != nullptr;
  site.slot = nullptr;
  return true;
}

void enter_slot(ThreadState& thread, const Slot& slot, os::Resume& how) {
  thread.registers.set_word(arch::info(thread.process->arch()).pc, slot.start);
  thread.slot = &slot;
  // Seen at its enter, where the kernel's idea of its address is put right.
  if (slot.flow == arch::Flow::syscall && how == os::Resume::cont) how = os::Resume::syscall;
}

/// Puts the signal off until the instruction is executed: else its handler's frame would lead back into the slot, or
/// back to the trap.
void owe_signal(ThreadState& thread) {
  siginfo_t info = os::signal_info(thread.tid);
  if (info.si_signo != thread.signal) info = info_from_us(thread.signal);
  thread.owed.push_back({.info = info, .dispatched = true});
  thread.signal = 0;
}

}  // namespace

void settle(ThreadState& thread) {
  Breakpoints& breakpoints = thread.process->breakpoints();
  if (thread.slot != nullptr || breakpoints.slots().pinned()) leave_slot(thread);
  Watchpoints& watchpoints = breakpoints.watchpoints();
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
  const auto behind_trap = [&] {
    const auto& info = arch::info(process.arch());
    const Address at = thread.registers.glance(info.pc) - info.pc_after_trap;
    return process.breakpoints().find(at) != nullptr || process.breakpoints().was_at(at);
  };
  if (thread.last_resume != os::Resume::step && !(process.breakpoints().in_use() && behind_trap())) return false;
  const os::ThreadStatus status = os::read_status(thread.tid);
  if (((status.pending & ~status.blocked) >> (SIGTRAP - 1) & 1) == 0) return false;
  os::resume(thread.tid, os::Resume::cont, 0);
  thread.registers.expire();
  thread.run = Run::running;
  process.tracer().note_resumed(thread);
  return true;
}

Departure leave_trap(ThreadState& thread, os::Resume& how) {
  if (!thread.trapped_at) return Departure::resume;
  Process& process = *thread.process;
  const Address at = *std::exchange(thread.trapped_at, std::nullopt);
  const std::size_t pc = arch::info(process.arch()).pc;
  if (thread.registers.glance(pc) != at) return Departure::resume;
  Site* const site = process.breakpoints().find(at);
  if (site == nullptr || !plan_is_valid(process, *site)) return Departure::resume;
  if (is_own_trap(process, *site)) {
    raise_own_trap(thread, *site);
    return Departure::resume;
  }
  const Path path = process.breakpoints().path();
  if (path == Path::cheapest && site->plan.moves_only_to) {
    thread.registers.set_word(pc, *site->plan.moves_only_to);
    return Departure::executed;
  }
  if (thread.signal != 0 && raised_by_instruction(os::signal_info(thread.tid))) return Departure::resume;
  const bool use_slot = site->slot != nullptr && (path == Path::cheapest || path == Path::slot);
  if (!use_slot) {
    // What we write in its place no debug register sees.
    const bool watched = process.breakpoints().watchpoints().in_use();
    if (path != Path::in_place && !watched && emulate(thread, *site)) return Departure::executed;
    thread.trapped_at = at;
    return Departure::in_place;
  }
  if (thread.signal != 0 && site->slot->repeats) {
    process.breakpoints().slots().pin();
  } else if (thread.signal != 0) {
    owe_signal(thread);
  }
  if (!thread.owed.empty() && site->slot->flow != arch::Flow::syscall) how = os::Resume::step;
  enter_slot(thread, *site->slot, how);
  return Departure::resume;
}

void send_owed(ThreadState& thread) {
  for (const HeldSignal& signal : std::exchange(thread.owed, {})) send_held(thread, signal);
}

namespace {

/// The original byte is back for as long as it lives.
class LiftedTrap {
 public:
  LiftedTrap(Process& process, Address address)
      : process_(process), address_(address), planted_(process.memory().intact(address)) {
    process.memory().lift(address);
    original_ = code();
  }
  ~LiftedTrap() {
    try {
      // Unless it was removed meanwhile, or the program has written something else there, or its memory was left to
      // others that share it (HardPlaces.a_child_that_shares_the_memory_outlives_the_process).
      if (!planted_ || process_.dead() || process_.breakpoints().find(address_) == nullptr || code() != original_)
        return;
      static_cast<void>(process_.memory().plant(address_, arch::info(process_.arch()).trap_instruction));
    } catch (const Error&) {
      // The process is gone.
    }
  }
  LiftedTrap(const LiftedTrap&) = delete;
  LiftedTrap& operator=(const LiftedTrap&) = delete;

 private:
  using Code = std::array<std::byte, 4>;
  [[nodiscard]] Code code() const {
    Code bytes{};
    static_cast<void>(
        process_.memory().read(address_, std::span(bytes).first(arch::info(process_.arch()).trap_instruction.size())));
    return bytes;
  }

  Process& process_;
  Address address_;
  bool planted_;
  Code original_{};
};

/// One resume while the original byte is there. What comes is looked at by step_off(), and not put off by settle().
void go_lifted(ThreadState& thread, os::Resume how) {
  const auto owed = std::exchange(thread.owed, {});
  thread.registers.flush();
  os::resume(thread.tid, how, 0);
  thread.registers.expire();
  thread.run = Run::running;
  thread.last_resume = how;
  thread.process->tracer().note_resumed(thread);
  thread.process->wait_claimed(thread);
  thread.owed = owed;
}

/// Executes the instruction at the address; what the thread reports instead of the step stays its status. A syscall is
/// only entered: it may block, and the others must not be at rest for so long.
void step_off(ThreadState& thread, Address at, const arch::Instruction& instruction) {
  const bool enters = instruction.flow == arch::Flow::syscall;
  const std::size_t pc = arch::info(thread.process->arch()).pc;
  if (thread.signal != 0) owe_signal(thread);
  for (;;) {
    go_lifted(thread, enters ? os::Resume::syscall : os::Resume::step);
    const bool moved = thread.registers.word(pc) != at;
    // An interruption that came too late for the stop before this one.
    if (thread.status.bare() && !moved) continue;
    if (!thread.status.signal_stop()) {
      if (!moved && thread.status.group_stop()) thread.trapped_at = at;
      break;
    }
    const siginfo_t info = os::signal_info(thread.tid);
    if (!enters && info.si_signo == SIGTRAP && (info.si_code == TRAP_TRACE || info.si_code == TRAP_BRKPT)) {
      // Of a string instruction a step is one round.
      if (!moved && instruction.repeats) continue;
      thread.status = os::WaitStatus::bare_stop();
      break;
    }
    if (moved || raised_by_instruction(info)) break;
    thread.owed.push_back(take_signal(thread));
  }
  thread.follows_call = thread.follows_call || (enters && thread.status.syscall_stop());
  send_owed(thread);
}

}  // namespace

void step_in_place(ThreadState& thread) {
  Process& process = *thread.process;
  const auto alive = thread.shared_from_this();
  // Those that wait for their turn must not run while the trap is out.
  const Process::InPlace one_at_a_time(process);
  const auto held = process.hold_running();
  try {
    const Address at = *std::exchange(thread.trapped_at, std::nullopt);
    // The site may go while the others come to rest, and the trap with it.
    if (const Site* site = process.breakpoints().find(at)) {
      const arch::Instruction instruction = site->plan.instruction;
      const Claim claim(thread);
      const LiftedTrap lifted(process, at);
      step_off(thread, at, instruction);
    }
  } catch (const ProcessGone&) {
    // It was killed; its death is on its way.
  }
  const bool more = thread.status != os::WaitStatus::bare_stop() || thread.hit_due;
  if (thread.stopped() && more && !thread.pending && !thread.guest) process.keep(thread);
  for (const auto& other : held) process.release_hold(*other);
}

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
    trap->changed(*thread.process);
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
    if (!thread.stopped()) return Verdict::go_on;
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
    if (!thread.stopped()) return Verdict::go_on;
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
