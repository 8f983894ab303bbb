#include <algorithm>
#include <csignal>

#include <trapline/error.hpp>

#include "core/owed_signals.hpp"
#include "core/process.hpp"
#include "core/settle.hpp"
#include "core/step_in_place.hpp"
#include "core/trap_departure.hpp"
#include "os/proc.hpp"

// Children that nobody follows. A copy of our memory is freed of our traps before the child runs; one that shares the
// memory (vfork, posix_spawn) is kept until it executes a program or exits, only to be helped past the traps, which are
// its parent's: taking them out would lose hits of the parent's other threads.

namespace trapline::core {

using Event = os::WaitStatus::Event;
using Run = ThreadState::Run;

void Process::let_go_at_birth(pid_t child) {
  const bool has_traps = memory_ && !memory_is_due_ && memory_->has_traps();
  if (has_traps) {
    if (!tracer_->wait_for_birth(child)) return;
    try {
      if (os::share_memory(pid_, child)) {
        add_guest(child);
        return;
      }
      memory_->clean_copy(child);
    } catch (const ProcessGone&) {
      // Killed in its first moment.
    }
  }
  tracer_->release_at_first_stop(child);
}

void Process::add_guest(pid_t child) {
  auto guest = std::make_shared<ThreadState>(shared_from_this(), child);
  guest->guest = true;
  guests_.push_back(guest);
  // Hands it the stop of its birth, which has come already.
  tracer_->add(guest);
}

void Process::on_guest_event(ThreadState& guest, os::WaitStatus status) {
  guest.run = status.dead() ? Run::dead : Run::stopped;
  guest.status = status;
  guest.signal = 0;
  try {
    if (status.dead() || status.event() == Event::exec || status.event() == Event::exit) {
      let_guest_go(guest);
      return;
    }
    if (status.event() == Event::fork || status.event() == Event::vfork || status.event() == Event::clone) {
      let_go_at_birth(static_cast<pid_t>(os::event_message(guest.tid)));
    }
    if (breakpoints_.in_use()) {
      if (goes_on_to_trap(guest)) return;
      settle(guest);
    }
    guest.hit_due = guest.site_due = false;
    // A step in place that the end of the process interrupts is nothing that it gets.
    guest.signal = at_end_of_step(guest) ? 0 : guest.status.delivered_signal();
    if (gone()) {
      let_guest_go(guest);
    } else if (!guest.claimed) {
      help_guest_on(guest);
    }
  } catch (const ProcessGone&) {
    // Killed: its death comes next.
    guest.run = Run::running;
    tracer_->note_resumed(guest);
  }
}

void Process::help_guest_on(ThreadState& guest) {
  if (guest.status.group_stop()) {
    os::listen(guest.tid);
  } else {
    os::Resume how = os::Resume::cont;
    if (leave_trap(guest, how) == Departure::in_place) {
      step_in_place(guest);
      if (!guest.stopped()) return;
      // What the instruction raised comes with the next resume.
      guest.signal = guest.status.delivered_signal();
    }
    guest.registers.flush();
    os::resume(guest.tid, how, std::exchange(guest.signal, 0));
    guest.last_resume = how;
  }
  guest.registers.expire();
  guest.run = Run::running;
  tracer_->note_resumed(guest);
  // What came while all were at rest for it.
  if (dispatching_ != 0 || in_place_ != 0 || !running()) return;
  if (take_interrupt_request()) interrupt_here();
  dispatch_kept();
}

void Process::let_guest_go(ThreadState& guest) {
  const auto alive = guest.shared_from_this();
  try {
    if (guest.run == Run::running) {
      // Its stop comes back to on_guest_event, or to the end of the tracer thread.
      os::interrupt(guest.tid);
      if (gone()) return;
      const Claim claim(guest);
      tracer_->pump_until([&] { return guest.run != Run::running; });
    }
    if (guest.run == Run::stopped) {
      guest.registers.flush();
      os::detach(guest.tid, guest.signal);
    }
  } catch (const ProcessGone&) {
    // Nobody is left to let go.
  }
  guest.run = Run::dead;
  tracer_->remove(guest.tid);
  std::erase(guests_, alive);
}

void Process::let_guests_go() {
  for (const auto& guest : guests_) {
    if (!memory_) break;
    try {
      // None of our traps must stay in the memory that they have now for themselves
      // (HardPlaces.a_child_that_shares_the_memory_outlives_the_process).
      memory_->clean_copy(guest->tid);
    } catch (const Error&) {
      // It died too.
    }
  }
  for (const auto& guest : std::vector(guests_)) let_guest_go(*guest);
}

}  // namespace trapline::core
