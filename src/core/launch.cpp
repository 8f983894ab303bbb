#include "core/launch.hpp"

#include <elf.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "os/error.hpp"
#include "os/proc.hpp"
#include "os/ptrace.hpp"
#include "support/fd.hpp"
#include "support/log.hpp"

namespace trapline::core {
namespace {

using Event = os::WaitStatus::Event;
using Run = ThreadState::Run;

/// Resumes a claimed thread and waits for its next stop; false when it died.
bool go(ThreadState& thread, os::Resume how, int signal = 0) {
  thread.registers.flush();
  os::resume(thread.tid, how, signal);
  thread.registers.expire();
  thread.run = Run::running;
  thread.last_resume = how;
  Tracer& tracer = thread.process->tracer();
  tracer.note_resumed(thread);
  tracer.pump_until([&] { return thread.run != Run::running; });
  return thread.stopped();
}

/// On from the exec's event to the end of its execve: from there on the thread stands at the program's first
/// instruction.
void finish_exec(ThreadState& thread) {
  while (go(thread, os::Resume::syscall)) {
    if (thread.status.syscall_stop()) return;
    if (thread.status.event() == Event::exit) return;
  }
}

bool survived(const ThreadState& thread) { return thread.stopped() && thread.status.event() != Event::exit; }

/// From the exec's event through the dynamic loader up to the program's entry point; false when the process died on the
/// way.
bool run_to_entry(Process& process, ThreadState& thread) {
  const auto& info = arch::info(process.arch());
  const auto entry = os::read_auxiliary_vector(process.pid()).find(AT_ENTRY);
  if (!entry) throw UsageError("the program tells no entry point; run it with continue_to_entry = false");
  // Without a loader it stands there already.
  if (thread.registers.word(info.pc) == *entry) {
    finish_exec(thread);
    return survived(thread);
  }
  // A trap in the text although a debug register would need no care for children: the kernel keeps the perf event of a
  // debug register with the thread until its next exec, and looks at it at each switch of the CPU, which adds a fifth
  // to what every later stop of the thread costs (0.3 us; Linux 6.18).
  if (!process.memory().plant(*entry, info.trap_instruction)) {
    throw UsageError("the program's entry point is not in its memory; run it with continue_to_entry = false");
  }
  for (int signal = 0;;) {
    if (!go(thread, os::Resume::cont, signal) || thread.status.event() == Event::exit) return false;
    signal = thread.status.delivered_signal();
    if (signal == SIGTRAP && thread.registers.word(info.pc) == *entry + info.pc_after_trap) break;
    const Event event = thread.status.event();
    if (event == Event::clone || event == Event::fork || event == Event::vfork) {
      process.announce_birth(thread);
      static_cast<void>(process.on_fork(thread));
    }
  }
  process.memory().lift(*entry);
  thread.registers.set_word(info.pc, *entry);
  return true;
}

/// Kills the process when its time is up, whatever it does by then. By pidfd, so that no other process can be hit.
Timer::Armed arm_kill(Process& process, Timeout after) {
  if (!after) return {};
  const auto handle = std::make_shared<support::Fd>(static_cast<int>(::syscall(SYS_pidfd_open, process.pid(), 0)));
  return process.tracer().timer().arm(Timer::Clock::now() + *after, [handle, weak = process.weak_from_this()] {
    if (const auto alive = weak.lock()) alive->mark_timed_out();
    ::syscall(SYS_pidfd_send_signal, handle->get(), SIGKILL, nullptr, 0);
  });
}

}  // namespace

void launch(Process& process, LaunchPlan plan) {
  process.begin_filter();
  plan.request.filter = process.filter().missing();
  os::Spawned child = os::spawn(std::move(plan.request));
  process.begin(child.pid(), true, os::filters_to_inherit());
  ThreadState& thread = process.add_thread(child.pid(), {});
  const auto alive = thread.shared_from_this();
  thread.fresh = false;
  Claim claim(thread);
  try {
    os::seize(child.pid(), process.trace_options());
  } catch (...) {
    process.abandon();
    throw;
  }
  child.release();
  if (plan.spawned) plan.spawned();
  Tracer& tracer = process.tracer();
  tracer.pump_until([&] { return thread.run != Run::running; });
  while (thread.stopped() && thread.status.event() != Event::exec && thread.status.event() != Event::exit) {
    go(thread, os::Resume::cont, thread.status.delivered_signal());
  }
  if (thread.stopped() && thread.status.event() == Event::exit) {
    process.on_dying(thread);
    tracer.pump_until([&] { return process.gone(); });
  }
  if (!thread.stopped()) {
    process.abandon();
    child.throw_failure();
    throw ProcessGone("the process was killed before its program began");
  }
  if (child.filtered()) process.filter().note_installed(SyscallFilter::When::at_launch);
  process.arm_deadline(arm_kill(process, plan.kill_after));
  bool at_rest = true;
  if (plan.continue_to_entry) {
    at_rest = run_to_entry(process, thread);
  } else {
    finish_exec(thread);
    at_rest = survived(thread);
  }
  claim.release();
  support::log(LogCategory::process, [&] { return "launched process " + std::to_string(process.pid()); });
  try {
    process.started(at_rest);
  } catch (...) {
    process.kill();
    throw;
  }
}

}  // namespace trapline::core
