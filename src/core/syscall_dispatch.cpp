#include "core/syscall_dispatch.hpp"

#include <algorithm>
#include <cerrno>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/trap_dispatch.hpp"
#include "os/proc.hpp"
#include "os/seccomp.hpp"
#include "support/log.hpp"

namespace trapline::core {
namespace {

using State = OpenCall::State;
using View = ThreadState::View;

/// Calls left open by signal handlers that jumped away; the oldest are forgotten beyond this depth.
constexpr std::size_t deepest = 64;

const arch::SyscallRegs& registers_of(const ThreadState& thread, Abi abi) {
  return arch::syscall_regs(thread.process->arch(), abi);
}

Abi abi_of(const ThreadState& thread, const os::SyscallInfo& info) {
  return arch::abi_from_audit_arch(info.audit_arch).value_or(arch::native_abi(thread.process->arch()));
}

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
  const auto& words = registers_of(thread, call.abi);
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

void push_call(ThreadState& thread, const os::SyscallInfo& info, Abi abi, bool invoked) {
  if (thread.calls.depth() >= deepest) thread.calls.drop_oldest();
  OpenCall& call = thread.calls.push();
  call.abi = abi;
  call.original_number = call.number = info.number;
  call.original_args = call.args = info.args;
  call.pc = info.pc;
  call.invoked = invoked;
  call.by_filter = info.filter_data.has_value();
  call.kernel_result = call.result = 0;
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
      if (const auto written = thread.registers.known_signed_word(registers_of(thread, call.abi).result)) {
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
  push_call(thread, info, abi, invoked);
  OpenCall& call = thread.calls.top();
  thread.view = View::enter;
  Verdict verdict = run_enter_handlers(thread, call);
  if (cut_short(thread)) return Verdict::go_on;
  log_call(thread, call, " enters ");
  show_enter(thread, call);
  if (thread.emulated && call.skipped) {
    if (verdict == Verdict::go_on && !thread.process->stop_wanted()) return finish_exit(thread, call, call.skip_value);
  }
  return verdict;
}

bool changes_filters(const OpenCall& call) {
  return std::ranges::count(arch::filter_installing_calls(call.abi), call.number) != 0;
}

/// Whether anything is to be done at the exit of a call that is at its enter.
bool wants_exit(const ThreadState& thread, OpenCall& call) {
  if (thread.follows_call || changes_filters(call)) return true;
  if (std::ranges::any_of(call.ran, [](const auto& trap) { return !trap->enter_only(); })) return true;
  return call.observed && std::ranges::any_of(*thread.process->watchers(),
                                              [](const auto& w) { return bool(w.observer->on_syscall_exit); });
}

/// A filter of the program's own asks for a tracer, where without one the call fails.
void refuse_as_untraced(ThreadState& thread, const os::SyscallInfo& info) {
  const auto& words = registers_of(thread, abi_of(thread, info));
  thread.registers.set_word(words.number_at_stop, ~std::uint64_t{0});
  thread.registers.set_word(words.result, static_cast<std::uint64_t>(-ENOSYS));
}

/// A signal handler has returned: the interrupted call under it restarts at once, or ended with -EINTR; its index.
struct Return {
  std::size_t index = 0;
  bool restarted = false;
};

std::optional<Return> returned_into(ThreadState& thread, const os::SyscallInfo& info, std::size_t below) {
  while (below-- > 0) {
    const OpenCall& call = thread.calls.at(below);
    if (call.state != State::in_handler) continue;
    const bool restarted = info.pc == call.pc - arch::syscall_instruction_size(call.abi);
    if (restarted || (info.pc == call.pc && info.result == -EINTR)) return Return{below, restarted};
  }
  return std::nullopt;
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

Verdict on_exit(ThreadState& thread, const os::SyscallInfo& info) {
  if (thread.calls.empty() || thread.calls.top().state != State::open) return Verdict::go_on;
  OpenCall& call = thread.calls.top();
  const bool sigreturn = is_sigreturn(call);
  if (call.skipped) {
    // A filter that the tracee inherited may have put its own error there.
    if (info.result != call.skip_value) {
      thread.registers.set_word(registers_of(thread, call.abi).result, static_cast<std::uint64_t>(call.skip_value));
    }
    return finish_exit(thread, call, call.skip_value);
  }
  if (!sigreturn && restarts(info.result)) {
    call.state = State::restarting;
    return Verdict::go_on;
  }
  if (changes_filters(call) && info.result >= 0) {
    for (const auto& other : thread.process->thread_list()) other->filtered.reset();
  }
  // An rt_sigreturn and an execve end elsewhere; who moves the pc from there issues another call.
  call.pc = info.pc;
  const Verdict verdict = finish_exit(thread, call, info.result);
  if (sigreturn && verdict == Verdict::go_on && thread.stopped()) return after_sigreturn(thread, info);
  if (sigreturn) thread.returned_from_handler = info;
  return verdict;
}

}  // namespace

Verdict end_call(ThreadState& thread, OpenCall& call, std::int64_t result) {
  const auto& words = registers_of(thread, call.abi);
  thread.registers.set_word(words.number_at_stop, ~std::uint64_t{0});
  thread.registers.set_word(words.result, static_cast<std::uint64_t>(result));
  return finish_exit(thread, call, result);
}

void settle_filter_stop(ThreadState& thread) {
  using FilterStop = ThreadState::FilterStop;
  thread.filter_stop = FilterStop::none;
  if (thread.status.event() != os::WaitStatus::Event::seccomp) return;
  const os::SyscallInfo info = os::syscall_info(thread.tid);
  thread.status = os::WaitStatus::of_syscall();
  thread.filter_stop = FilterStop::nothing;
  if (info.filter_data != os::filter_mark) {
    refuse_as_untraced(thread, info);
    return;
  }
  const bool inside = !thread.calls.empty() && thread.calls.top().state == State::open && !thread.calls.top().let_go;
  if (inside || !thread.process->wants_syscalls()) return;
  thread.filter_stop = FilterStop::enter;
  thread.known_info = info;
}

void settle_unwatched_call(ThreadState& thread) {
  if (thread.calls.empty() || !thread.calls.top().let_go) return;
  // The births and the end of a process are events inside of calls.
  if (!thread.status.signal_stop() && thread.status.event() != os::WaitStatus::Event::stop) return;
  OpenCall& call = thread.calls.top();
  const auto& words = registers_of(thread, call.abi);
  const bool given_up = thread.registers.signed_word(words.number_at_stop) >= 0 &&
                        restarts(thread.registers.signed_word(words.result)) &&
                        thread.registers.word(words.pc) == call.pc;
  if (!given_up) {
    thread.calls.pop();
    return;
  }
  call.state = State::restarting;
  call.let_go = false;
}

bool has_own_filters(const ThreadState& thread) {
  return os::has_own_filters(thread.tid, thread.process->inherited_filters());
}

bool is_sigreturn(const OpenCall& call) {
  switch (call.abi) {
    case Abi::amd64: return call.number == 15;
    case Abi::i386: return call.number == 119 || call.number == 173;
    case Abi::aarch64: return call.number == 139;
  }
  return false;
}

void read_back(ThreadState& thread, OpenCall& call) {
  if (!thread.registers.changed()) return;
  const auto& words = registers_of(thread, call.abi);
  if (const auto number = thread.registers.known_signed_word(words.number_at_stop)) {
    if (!call.skipped) call.number = *number;
    // A skip has put -1 there: another number was written since.
    if (call.skipped && *number != -1) change_number(thread, call, *number);
  }
  for (std::size_t i = 0; i < call.args.size(); ++i) {
    if (const auto value = thread.registers.known_word(words.args[i])) call.args[i] = *value;
  }
}

void change_number(ThreadState& thread, OpenCall& call, std::int64_t number) {
  const auto& words = registers_of(thread, call.abi);
  thread.registers.set_word(words.number_at_stop, static_cast<std::uint64_t>(number));
  if (call.skipped) thread.registers.set_word(words.result, static_cast<std::uint64_t>(-ENOSYS));
  call.skipped = false;
  call.number = number;
}

void skip(ThreadState& thread, OpenCall& call, std::int64_t value) {
  const auto& words = registers_of(thread, call.abi);
  thread.registers.set_word(words.number_at_stop, ~std::uint64_t{0});
  thread.registers.set_word(words.result, static_cast<std::uint64_t>(value));
  call.skipped = true;
  call.skip_value = value;
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

os::Resume leave_syscall_stop(ThreadState& thread) {
  Process& process = *thread.process;
  if (thread.view == View::enter && thread.stopped()) read_back(thread, thread.calls.top());
  if (thread.view == View::exit) {
    thread.calls.pop();
    if (const auto info = std::exchange(thread.returned_from_handler, std::nullopt)) {
      // The rt_sigreturn's own exit stopped the process, so that the call under it is seen to only here.
      if (const auto into = returned_into(thread, *info, thread.calls.depth())) {
        while (thread.calls.depth() > into->index + 1) thread.calls.pop();
        thread.calls.top().state = State::restarting;
        if (!into->restarted) thread.calls.pop();
      }
    }
  }
  thread.view = View::none;
  thread.follows_call = thread.follows_call && !thread.calls.empty();
  const bool watched = process.wants_syscalls() || thread.follows_call;
  const bool inside = !thread.calls.empty() && thread.calls.top().state == State::open;
  if (std::exchange(thread.emulated, false) && inside) {
    // The kernel will not run the call that stopped here: back onto the instruction, and in again for good.
    OpenCall& call = thread.calls.top();
    const auto& words = registers_of(thread, call.abi);
    const std::int64_t number = thread.registers.signed_word(words.number_at_stop);
    thread.registers.set_word(words.pc, call.pc - arch::syscall_instruction_size(call.abi));
    thread.registers.set_word(words.number_before, static_cast<std::uint64_t>(number));
    thread.registers.set_word(words.number_at_stop, ~std::uint64_t{0});
    thread.reentering = watched;
  }
  if (!watched) {
    while (!thread.calls.empty()) thread.calls.pop();
    thread.filtered.reset();
    thread.reentering = false;
    return os::Resume::cont;
  }
  if (inside && !thread.reentering) {
    OpenCall& call = thread.calls.top();
    // At the stop of PTRACE_SYSCALL the filter's is still to come.
    call.let_go = call.let_go || (call.by_filter && !wants_exit(thread, call));
    return call.let_go ? os::Resume::cont : os::Resume::syscall;
  }
  if (thread.reentering) return os::Resume::syscall;
  if (!thread.filtered) thread.filtered = has_own_filters(thread);
  if (*thread.filtered) return os::Resume::emulate;
  // The way back of an interrupted call is seen whole.
  return process.filter().covers() && thread.calls.empty() ? os::Resume::cont : os::Resume::syscall;
}

void leave_for_good(ThreadState& thread) {
  static_cast<void>(leave_syscall_stop(thread));
  while (!thread.calls.empty()) thread.calls.pop();
}

void note_interrupted_call(ThreadState& thread) {
  if (thread.status.event() != os::WaitStatus::Event::stop || thread.last_resume != os::Resume::cont || thread.fresh)
    return;
  if (!thread.calls.empty() && thread.calls.top().state == State::restarting) return;
  const Abi abi = arch::native_abi(thread.process->arch());
  const auto& words = registers_of(thread, abi);
  const auto number = thread.registers.signed_word(words.number_at_stop);
  if (number < 0 || !restarts(thread.registers.signed_word(words.result))) return;
  os::SyscallInfo info;
  info.number = number;
  info.pc = thread.registers.word(words.pc);
  for (std::size_t i = 0; i < info.args.size(); ++i) info.args[i] = thread.registers.word(words.args[i]);
  push_call(thread, info, abi, false);
  thread.calls.top().state = State::restarting;
}

void abandon_calls(ThreadState& thread) {
  while (!thread.calls.empty()) {
    OpenCall& call = thread.calls.top();
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
