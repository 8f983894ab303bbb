#include "core/syscall_dispatch.hpp"

#include <linux/seccomp.h>

#include <algorithm>
#include <cerrno>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/affinity_calls.hpp"
#include "core/thread_calls.hpp"
#include "core/trap_dispatch.hpp"
#include "os/proc.hpp"
#include "support/log.hpp"

namespace trapline::core {
namespace {

using State = OpenCall::State;
using View = ThreadState::View;

/// The kernel is asked while the thread is still where it stopped; an invocation moves it and keeps the answer.
os::SyscallInfo info_of_stop(const ThreadState& thread) {
  return thread.known_info ? *thread.known_info : os::syscall_info(thread.tid);
}

bool applies(ThreadState& thread, const OpenCall& call, const std::shared_ptr<SyscallTrap>& trap) {
  if (trap->spent || std::ranges::find(call.ran, trap) != call.ran.end()) return false;
  // What is hijacked as a whole set leaves out the call that it is hijacked to.
  if (trap->replacement && trap->replacement->numbers[static_cast<std::size_t>(call.abi)] == call.number) return false;
  return takes(thread, *trap);
}

void replace(ThreadState& thread, OpenCall& call, const Replacement& replacement) {
  const std::int64_t number = replacement.numbers[static_cast<std::size_t>(call.abi)];
  if (number < 0) return;
  change_number(thread, call, number);
  const auto& words = syscall_registers(thread, call.abi);
  for (std::size_t i = 0; i < call.args.size(); ++i) {
    if (!replacement.args[i]) continue;
    call.args[i] = *replacement.args[i];
    thread.registers.set_word(words.args[i], *replacement.args[i]);
  }
}

/// True when the trap wants the process stopped here.
bool run_enter(ThreadState& thread, OpenCall& call, const std::shared_ptr<SyscallTrap>& trap) {
  trap->count_enter();
  if (trap->enter_only()) trap->count_hit();
  if (trap->once) {
    trap->spent = true;
    if (trap->enter_only()) trap->enabled = false;
  }
  call.ran.push_back(trap);
  if (trap->replacement) {
    replace(thread, call, *trap->replacement);
    return false;
  }
  if (trap->synchronous()) return !call.invoked;
  if (const auto callback = trap->on_enter) {
    call_user(thread, *trap, [&](Thread& handle) {
      SyscallHandler handler(trap);
      (*callback)(handle, handler);
    });
    if (thread.stopped()) read_back(thread, call);
  }
  return false;
}

Verdict run_enter_handlers(ThreadState& thread, OpenCall& call) {
  const auto index = thread.process->handlers().index();
  bool stop = false;
  std::int64_t current = call.original_number;
  std::vector<std::int64_t> met;
  for (;;) {
    bool recurse = false;
    for (const auto& trap : index->find(call.abi, current)) {
      if (!applies(thread, call, trap)) continue;
      const std::int64_t before = call.number;
      stop |= run_enter(thread, call, trap);
      if (cut_short(thread)) return Verdict::go_on;
      if (call.number != before) recurse = trap->recursive;
    }
    if (!recurse || call.number == current) break;
    met.push_back(current);
    if (std::ranges::find(met, call.number) != met.end()) {
      change_number(thread, call, call.original_number);
      throw UsageError("the recursive handlers of " + std::string(syscall_name(call.abi, call.original_number)) +
                       " lead back to it: a loop");
    }
    current = call.number;
  }
  return stop ? Verdict::stop : Verdict::go_on;
}

SyscallRecord record_of(const OpenCall& call) {
  return {.abi = call.abi,
          .original_number = call.original_number,
          .original_args = call.original_args,
          .number = call.number,
          .args = call.args,
          .skipped = call.skipped,
          .kernel_result = call.kernel_result,
          .result = call.result};
}

bool wanted(const SyscallTrap::Wanted& wanted, std::int64_t number) {
  return wanted.all || std::ranges::binary_search(wanted.numbers, number);
}

template <class Show>
void show_observers(ThreadState& thread, OpenCall& call, Show&& show) {
  if (thread.process->watchers()->empty()) return;
  const auto watchers = thread.process->watchers();
  const Tracer::CallbackScope scope(thread.process->tracer());
  Thread handle(thread.shared_from_this());
  const SyscallRecord record = record_of(call);
  for (const auto& watcher : *watchers) {
    if (wanted(watcher.wanted[static_cast<std::size_t>(call.abi)], call.original_number)) {
      show(*watcher.observer, handle, record);
    }
  }
}

void log_call(const ThreadState& thread, const OpenCall& call, const char* what) {
  support::log(LogCategory::syscall, [&] {
    const std::string_view name = syscall_name(call.abi, call.number);
    return "thread " + std::to_string(thread.tid) + what +
           (name.empty() ? std::to_string(call.number) : std::string(name)) +
           (thread.view == View::exit ? " = " + std::to_string(call.result) : "") +
           "; handlers: " + std::to_string(call.ran.size());
  });
}

Verdict finish_exit(ThreadState& thread, OpenCall& call, std::int64_t result) {
  call.kernel_result = call.result = result;
  thread.view = View::exit;
  if (std::exchange(call.spreads, false)) thread.process->filter().end_spread();
  bool stop = false;
  // By index: a callback may invoke syscalls, which does not touch this list, but may not hold iterators across itself
  // either.
  for (std::size_t i = 0; i < call.ran.size(); ++i) {
    const auto trap = call.ran[i];
    if (!trap->live()) continue;
    if (runs_on(thread, *trap)) continue;
    if (!trap->enter_only()) trap->count_hit();
    if (trap->once) trap->enabled = false;
    if (trap->synchronous()) {
      stop |= !call.invoked;
    } else if (const auto callback = trap->on_exit) {
      call_user(thread, *trap, [&](Thread& handle) {
        SyscallHandler handler(trap);
        (*callback)(handle, handler);
      });
      if (cut_short(thread)) return Verdict::go_on;
      if (const auto written = thread.registers.known_signed_word(syscall_registers(thread, call.abi).result)) {
        call.result = *written;
      }
    }
  }
  log_call(thread, call, " leaves ");
  show_observers(thread, call, [](const Observer& observer, Thread& handle, const SyscallRecord& record) {
    if (observer.on_syscall_exit) observer.on_syscall_exit(handle, record);
  });
  return stop ? Verdict::stop : Verdict::go_on;
}

void show_enter(ThreadState& thread, OpenCall& call) {
  show_observers(thread, call, [&](const Observer& observer, Thread& handle, const SyscallRecord& record) {
    call.observed = true;
    if (observer.on_syscall_enter) observer.on_syscall_enter(handle, record);
  });
}

/// The program's filter comes before our handlers in a thread that is not at all its stops yet: that has to be so when
/// the others get it (FilterStorm.threads_that_are_given_a_filter_by_another_one).
void spread_filter(ThreadState& thread, OpenCall& call) {
  Process& process = *thread.process;
  if (!process.filter().enabled() || !process.wants_syscalls()) return;
  call.spreads = true;
  process.filter().begin_spread();
  const Process::AllHeld others(process);
}

Verdict on_enter(ThreadState& thread, const os::SyscallInfo& info, Abi abi, bool invoked) {
  if (!thread.calls.empty()) {
    OpenCall& top = thread.calls.top();
    // An invocation at the enter of a call that the kernel restarts leaves that as it is
    // (Restart.invoked_again_and_again_while_it_restarts).
    if (top.state == State::restarting && (!invoked || top.invoked)) {
      if (top.pc == info.pc && top.abi == abi) {
        top.state = State::open;
        top.by_filter = info.filter_data.has_value();
        // It was under way when we attached, or nobody watched when it began: here it is seen first.
        if (!top.observed) show_enter(thread, top);
        return Verdict::go_on;
      }
      thread.calls.pop();
    } else if (top.state == State::open && !invoked && thread.running_traps.empty()) {
      // Its exit was never reported (a syscall stop was skipped by another tracer's option); nothing can be known of
      // it.
      thread.calls.pop();
    }
  }
  thread.process->seen_syscalls().note(abi, info.number);
  OpenCall& call = push_call(thread, info, abi, invoked);
  thread.view = View::enter;
  Verdict verdict = run_enter_handlers(thread, call);
  if (cut_short(thread)) return Verdict::go_on;
  if (!call.skipped && spreads_filter(call)) {
    spread_filter(thread, call);
    if (cut_short(thread)) return Verdict::go_on;
  }
  log_call(thread, call, " enters ");
  show_enter(thread, call);
  if (thread.emulated && call.skipped) {
    if (verdict == Verdict::go_on && !thread.process->stop_wanted()) return finish_exit(thread, call, call.skip_value);
  }
  return verdict;
}

Verdict after_sigreturn(ThreadState& thread, const os::SyscallInfo& info) {
  const auto into = returned_into(thread, info, thread.calls.depth() - 1);
  if (!into) return Verdict::go_on;
  while (thread.calls.depth() > into->index + 1) thread.calls.pop();
  OpenCall& call = thread.calls.top();
  if (into->restarted) {
    call.state = State::restarting;
    thread.view = View::none;
    return Verdict::go_on;
  }
  call.state = State::open;
  return end_call(thread, call, -EINTR);
}

/// Of a call that asks for the seccomp mode, without ours: programs with a sandbox of their own go without it where
/// they find one (man; FilterStorm.what_a_program_sees_of_it).
std::int64_t mode_without_ours(ThreadState& thread, const OpenCall& call, std::int64_t result) {
  Process& process = *thread.process;
  if (result != SECCOMP_MODE_FILTER || !asks_for_mode(call.abi, call.number, call.args[0])) return result;
  const bool only_ours = process.filter().count() != 0 && process.filter().count() == process.inherited_filters();
  if (!only_ours || has_own_filters(thread)) return result;
  thread.registers.set_word(syscall_registers(thread, call.abi).result, SECCOMP_MODE_DISABLED);
  return SECCOMP_MODE_DISABLED;
}

Verdict on_exit(ThreadState& thread, const os::SyscallInfo& info) {
  thread.interrupted = false;
  if (thread.calls.empty() || thread.calls.top().state != State::open) return Verdict::go_on;
  OpenCall& call = thread.calls.top();
  const bool sigreturn = is_sigreturn(call);
  if (call.skipped) {
    // A filter that the tracee inherited may have put its own error there.
    if (info.result != call.skip_value) {
      thread.registers.set_word(syscall_registers(thread, call.abi).result,
                                static_cast<std::uint64_t>(call.skip_value));
    }
    return finish_exit(thread, call, call.skip_value);
  }
  if (!sigreturn && restarts(info.result)) {
    call.state = State::restarting;
    return Verdict::go_on;
  }
  if (changes_filters(call) && info.result >= 0) forget_filtered(*thread.process);
  if (call.untraced_taken) set_untraced(thread, call, true);
  if (thread.process->shares_cpu()) {
    settle_affinity_call(thread, {call.abi, call.number, call.args, info.result});
  }
  // An rt_sigreturn and an execve end elsewhere; who moves the pc from there issues another call.
  call.pc = info.pc;
  const Verdict verdict = finish_exit(thread, call, mode_without_ours(thread, call, info.result));
  if (sigreturn && verdict == Verdict::go_on && thread.stopped()) return after_sigreturn(thread, info);
  if (sigreturn) thread.returned_from_handler = info;
  return verdict;
}

}  // namespace

Verdict end_call(ThreadState& thread, OpenCall& call, std::int64_t result) {
  const auto& words = syscall_registers(thread, call.abi);
  thread.registers.set_word(words.number_at_stop, ~std::uint64_t{0});
  thread.registers.set_word(words.result, static_cast<std::uint64_t>(result));
  return finish_exit(thread, call, result);
}

Verdict on_syscall_stop(ThreadState& thread) {
  if (std::exchange(thread.exit_due, false)) {
    thread.view = View::exit;
    return finish_exit(thread, thread.calls.top(), thread.calls.top().skip_value);
  }
  const os::SyscallInfo info = info_of_stop(thread);
  thread.known_info.reset();
  switch (info.side) {
    case os::SyscallInfo::Side::enter:
      if (std::exchange(thread.reentering, false)) return Verdict::go_on;
      thread.emulated = thread.last_resume == os::Resume::emulate;
      return on_enter(thread, info, abi_of(thread, info), false);
    case os::SyscallInfo::Side::exit:
      // Of the call that PTRACE_SYSEMU has refused; what was called is still to begin
      // (SyscallChange.its_handlers_see_the_results_of_calls).
      if (thread.reentering) return Verdict::go_on;
      return on_exit(thread, info);
    case os::SyscallInfo::Side::none: return Verdict::go_on;
  }
  return Verdict::go_on;
}

Verdict on_invoked_stop(ThreadState& thread, const os::SyscallInfo& info) {
  thread.emulated = false;
  if (info.side == os::SyscallInfo::Side::enter) return on_enter(thread, info, abi_of(thread, info), true);
  return on_exit(thread, info);
}

bool syscall_would_stop(ThreadState& thread) {
  if (thread.exit_due) return true;
  const os::SyscallInfo info = info_of_stop(thread);
  const auto may_stop = [&](const auto& trap) {
    return trap->live() && !trap->spent && trap->synchronous() &&
           (!trap->thread || trap->thread->state().get() == &thread);
  };
  if (info.side == os::SyscallInfo::Side::enter) {
    const auto index = thread.process->handlers().index();
    return std::ranges::any_of(index->find(abi_of(thread, info), info.number), may_stop);
  }
  if (thread.calls.empty()) return false;
  return std::ranges::any_of(thread.calls.top().ran,
                             [](const auto& trap) { return trap->live() && trap->synchronous(); });
}

void abandon_calls(ThreadState& thread) {
  while (!thread.calls.empty()) {
    OpenCall& call = thread.calls.top();
    if (std::exchange(call.spreads, false)) thread.process->filter().end_spread();
    if (call.observed) {
      try {
        show_observers(thread, call, [](const Observer& observer, Thread& handle, const SyscallRecord& record) {
          if (observer.on_syscall_abandoned) observer.on_syscall_abandoned(handle, record);
        });
      } catch (...) {
        thread.process->fail(std::current_exception());
      }
    }
    thread.calls.pop();
  }
}

}  // namespace trapline::core
