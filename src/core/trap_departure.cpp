#include "core/trap_departure.hpp"

#include <algorithm>
#include <utility>

#include "arch/arch.hpp"
#include "core/breakpoints.hpp"
#include "core/held_signals.hpp"
#include "core/owed_signals.hpp"
#include "core/process.hpp"

namespace trapline::core {
namespace {

using Path = Breakpoints::Path;

bool emulate(ThreadState& thread, const Site& site) {
  if (!site.plan.emulation) return false;
  TraceeMemory& memory = thread.process->memory();
  const auto word = [&](std::size_t index) { return thread.registers.word(index); };
  const auto set_word = [&](std::size_t index, std::uint64_t value) { thread.registers.set_word(index, value); };
  const auto read = [&](Address at, std::span<std::byte> into) { return memory.read(at, into) == into.size(); };
  // Where the program may not write, the instruction itself says so.
  const auto write = [&](Address at, ByteView bytes) { return memory.write_as_process(at, bytes); };
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
  site.plan = process.address_space().breakpoints().decoder().plan(std::span(now).first(count), site.address);
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

}  // namespace

Departure leave_trap(ThreadState& thread, os::Resume& how) {
  if (!thread.trapped_at) return Departure::resume;
  Process& process = *thread.process;
  const Address at = *std::exchange(thread.trapped_at, std::nullopt);
  const std::size_t pc = arch::info(process.arch()).pc;
  if (thread.registers.glance(pc) != at) return Departure::resume;
  Breakpoints& breakpoints = process.address_space().breakpoints();
  Site* const site = breakpoints.find(at);
  if (site == nullptr || !plan_is_valid(process, *site)) return Departure::resume;
  if (is_own_trap(process, *site)) {
    raise_own_trap(thread, *site);
    return Departure::resume;
  }
  const Path path = breakpoints.path();
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
    breakpoints.slots().pin();
  } else if (thread.signal != 0) {
    owe_signal(thread);
  }
  if (!thread.owed.empty() && site->slot->flow != arch::Flow::syscall) how = os::Resume::step;
  enter_slot(thread, *site->slot, how);
  return Departure::resume;
}

}  // namespace trapline::core
