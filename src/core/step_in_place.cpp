#include "core/step_in_place.hpp"

#include <array>
#include <csignal>
#include <utility>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/breakpoints.hpp"
#include "core/held_signals.hpp"
#include "core/owed_signals.hpp"
#include "core/process.hpp"

namespace trapline::core {
namespace {

using Run = ThreadState::Run;

/// Of a string instruction, before other threads, interruptions and commands get their turn.
constexpr int rounds_in_a_turn = 100;

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
  for (int rounds = 1;; ++rounds) {
    go_lifted(thread, enters ? os::Resume::syscall : os::Resume::step);
    const bool moved = thread.registers.word(pc) != at;
    // An interruption that came too late for the stop before this one.
    if (thread.status.bare() && !moved) continue;
    if (!thread.status.signal_stop()) {
      if (!moved && thread.status.group_stop()) thread.trapped_at = at;
      break;
    }
    if (at_end_of_step(thread)) {
      // Of a string instruction a step is one round.
      if (!moved && instruction.repeats) {
        if (rounds < rounds_in_a_turn) continue;
        thread.trapped_at = at;
      }
      thread.status = os::WaitStatus::bare_stop();
      break;
    }
    if (moved || raised_by_instruction(os::signal_info(thread.tid))) break;
    owe_taken(thread);
  }
  thread.follows_call = thread.follows_call || (enters && thread.status.syscall_stop());
  send_owed(thread);
}

}  // namespace

void step_in_place(ThreadState& thread) {
  const auto process = thread.process->address_space().shared_from_this();
  const auto alive = thread.shared_from_this();
  // Those that wait for their turn must not run while the trap is out.
  const Process::InPlace one_at_a_time(*process);
  const Process::AllHeld held(*process);
  try {
    const Address at = *std::exchange(thread.trapped_at, std::nullopt);
    // The site may go while the others come to rest, and the trap with it.
    if (const Site* site = process->breakpoints().find(at)) {
      const arch::Instruction instruction = site->plan.instruction;
      const Claim claim(thread);
      const LiftedTrap lifted(*process, at);
      step_off(thread, at, instruction);
    }
  } catch (const ProcessGone&) {
    // It was killed; its death is on its way.
  }
  const bool more = thread.status != os::WaitStatus::bare_stop() || thread.hit_due;
  if (thread.stopped() && more && !thread.pending) thread.process->keep(thread);
}

}  // namespace trapline::core
