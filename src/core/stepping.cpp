#include "core/stepping.hpp"

#include <algorithm>
#include <csignal>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/process.hpp"
#include "core/signal_dispatch.hpp"
#include "core/syscall_dispatch.hpp"

namespace trapline::core {
namespace {

using Event = os::WaitStatus::Event;
using Run = ThreadState::Run;
using View = ThreadState::View;

/// One step under way: the thread is claimed, so that its stops come here.
class Step {
 public:
  explicit Step(ThreadState& thread) : thread_(thread), process_(*thread.process), claim_(thread), busy_(process_) {
    if (thread.status.event() == Event::exit) {
      throw UsageError("thread " + std::to_string(thread.tid) + " is exiting: it executes no instruction any more");
    }
  }
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  Stop run();

 private:
  [[nodiscard]] bool on_syscall_instruction();
  [[nodiscard]] bool inside_call() const;
  /// Goes on and waits for the next stop.
  void go(os::Resume how);
  /// What the stop it came to means: nothing to go on with, or the step's end.
  std::optional<Stop> handle_stop(bool through_syscall);
  [[nodiscard]] Stop done() const;
  [[nodiscard]] std::optional<Stop> stop_of(Verdict verdict) const;

  ThreadState& thread_;
  Process& process_;
  Claim claim_;
  Process::Busy busy_;
};

Stop Step::done() const {
  Stop stop = process_.describe(thread_);
  stop.kind = StopKind::stepped;
  return stop;
}

std::optional<Stop> Step::stop_of(Verdict verdict) const {
  if (verdict == Verdict::go_on && !process_.take_interrupt_request()) return std::nullopt;
  return process_.describe(thread_);
}

bool Step::on_syscall_instruction() {
  const auto& info = arch::info(process_.arch());
  std::array<std::byte, 2> at_pc{};
  const Address pc = thread_.registers.word(info.pc);
  if (process_.memory().read(pc, at_pc) != at_pc.size()) return false;
  return arch::is_syscall_instruction(process_.arch(), at_pc);
}

bool Step::inside_call() const {
  // A clone's event, and the enter of a call that restarts, are inside too: the exit is still to come
  // (Step.in_a_clone_sees_its_exit).
  const bool may_be = thread_.status.syscall_stop() || thread_.status.event() == Event::clone;
  if (!may_be || thread_.view == View::exit || thread_.calls.empty()) return false;
  return thread_.calls.top().state == OpenCall::State::open;
}

void Step::go(os::Resume how) {
  thread_.registers.flush();
  os::resume(thread_.tid, how, std::exchange(thread_.signal, 0));
  thread_.registers.expire();
  thread_.run = Run::running;
  thread_.last_resume = how;
  process_.tracer().note_resumed(thread_);
  process_.wait_claimed(thread_);
}

std::optional<Stop> Step::handle_stop(bool through_syscall) {
  const os::WaitStatus status = thread_.status;
  switch (status.event()) {
    case Event::none: {
      if (status.syscall_stop()) {
        if (auto stop = stop_of(on_syscall_stop(thread_))) return stop;
        // Its exit: the instruction is done.
        if (!thread_.calls.empty() && thread_.view == View::enter) return std::nullopt;
        return through_syscall && thread_.view == View::exit ? std::optional(done()) : std::nullopt;
      }
      if (status.stop_signal() == SIGTRAP && !through_syscall) return done();
      return stop_of(on_signal_stop(thread_));
    }
    case Event::exec: process_.on_exec(thread_); return std::nullopt;
    case Event::exit:
      process_.on_dying(thread_);
      claim_.release();
      process_.tracer().pump_until([&] { return thread_.run == Run::dead || process_.gone(); });
      if (process_.dead()) return process_.stop_of_death();
      throw ProcessGone("thread " + std::to_string(thread_.tid) + " exited");
    case Event::clone: process_.on_clone(thread_); return std::nullopt;
    case Event::stop:
    case Event::fork:
    case Event::vfork:
    case Event::vfork_done:
    case Event::seccomp: return std::nullopt;
  }
  return std::nullopt;
}

Stop Step::run() {
  if (std::exchange(thread_.pending, false)) {
    // Kept while the process was at rest: it comes before the step, and may end it (Step.handles_a_kept_event_first).
    const auto stop = stop_of(process_.dispatch_stop(thread_));
    if (stop) return *stop;
    if (!thread_.stopped()) throw ProcessGone("thread " + std::to_string(thread_.tid) + " is dead");
  }
  const bool in_call = inside_call();
  bool through_syscall = in_call;
  const os::Resume left = leave_syscall_stop(thread_);
  if (!in_call && process_.wants_syscalls() && on_syscall_instruction()) through_syscall = true;
  // A plain step turns syscall stops off, so that a syscall instruction is stepped over by its stops.
  os::Resume how = !through_syscall ? os::Resume::step : in_call ? left : leave_syscall_stop(thread_);
  if (through_syscall && how == os::Resume::cont) how = os::Resume::step;
  if (how == os::Resume::step) through_syscall = false;
  for (;;) {
    go(how);
    if (const auto stop = handle_stop(through_syscall)) {
      if (stop->kind == StopKind::stepped && thread_.view == View::exit) static_cast<void>(leave_syscall_stop(thread_));
      return *stop;
    }
    if (through_syscall) how = leave_syscall_stop(thread_);
  }
}

}  // namespace

Stop step(ThreadState& thread) { return Step(thread).run(); }

}  // namespace trapline::core
