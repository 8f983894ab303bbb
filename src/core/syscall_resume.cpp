#include "core/syscall_resume.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "arch/arch.hpp"
#include "core/affinity_calls.hpp"
#include "core/process.hpp"
#include "core/thread_calls.hpp"

namespace trapline::core {
namespace {

using State = OpenCall::State;
using View = ThreadState::View;

/// Whether anything is to be done at the exit of a call that is at its enter.
bool wants_exit(const ThreadState& thread, OpenCall& call) {
  if (thread.follows_call || changes_filters(call) || call.untraced_taken) return true;
  if (asks_for_mode(call.abi, call.number, call.args[0])) return true;
  if (thread.process->shares_cpu() && is_affinity_call(call.abi, call.number)) return true;
  if (std::ranges::any_of(call.ran, [](const auto& trap) { return !trap->enter_only(); })) return true;
  return call.observed && std::ranges::any_of(*thread.process->watchers(), [](const auto& watcher) {
           return watcher.observer->on_syscall_exit || watcher.observer->on_syscall_abandoned;
         });
}

/// A filter of the program's own asks for a tracer, where without one the call fails.
void refuse_as_untraced(ThreadState& thread, const os::SyscallInfo& info) {
  const auto& words = syscall_registers(thread, abi_of(thread, info));
  thread.registers.set_word(words.number_at_stop, ~std::uint64_t{0});
  thread.registers.set_word(words.result, static_cast<std::uint64_t>(-ENOSYS));
}

}  // namespace

void settle_filter_stop(ThreadState& thread) {
  using FilterStop = ThreadState::FilterStop;
  thread.filter_stop = FilterStop::none;
  if (thread.status.event() != os::WaitStatus::Event::seccomp) return;
  const os::SyscallInfo info = os::syscall_info(thread.tid);
  thread.status = os::WaitStatus::of_syscall();
  thread.filter_stop = FilterStop::nothing;
  const Abi abi = abi_of(thread, info);
  if (!thread.process->filter().stops_at(abi, info.number, info.filter_data.value_or(0))) {
    refuse_as_untraced(thread, info);
    return;
  }
  // No call at which a tracer would be stopped otherwise; who changes its number is killed (emulate_vsyscall;
  // FilterStorm.calls_that_the_kernel_pretends_to_make_are_none).
  if (arch::in_vsyscall_page(info.pc)) return;
  const bool inside = !thread.calls.empty() && thread.calls.top().state == State::open && !thread.calls.top().let_go;
  if (inside) return;
  if (!thread.process->wants_syscalls()) {
    const bool concerns_us =
        asks_for_mode(abi, info.number, info.args[0]) || asks_for_untraced(thread, abi, info.number, info.args[0]);
    if (!concerns_us) return;
    thread.follows_call = true;
  }
  thread.filter_stop = FilterStop::enter;
  thread.known_info = info;
}

void settle_unwatched_call(ThreadState& thread) {
  if (thread.calls.empty()) return;
  if (thread.reentering && thread.status.signal_stop()) {
    // It is issued when the signal's handler has returned, whose own calls come first
    // (FilterStorm.handlers_of_signals_are_no_calls_that_came_back).
    thread.reentering = false;
    thread.calls.top().state = State::restarting;
    return;
  }
  if (!thread.calls.top().let_go) return;
  // The births and the end of a process are events inside of calls.
  if (!thread.status.signal_stop() && thread.status.event() != os::WaitStatus::Event::stop) return;
  OpenCall& call = thread.calls.top();
  const auto& words = syscall_registers(thread, call.abi);
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

void interrupt(ThreadState& thread) {
  os::interrupt(thread.tid);
  thread.interrupted = true;
}

bool would_miss_exit(ThreadState& thread) {
  const bool let_go = thread.run == ThreadState::Run::running && !thread.calls.empty() && thread.calls.top().let_go;
  return let_go && wants_exit(thread, thread.calls.top());
}

void note_interrupted_call(ThreadState& thread) {
  if (thread.status.event() != os::WaitStatus::Event::stop || thread.last_resume != os::Resume::cont || thread.fresh)
    return;
  if (!thread.calls.empty() && thread.calls.top().state == State::restarting) return;
  const Abi abi = arch::native_abi(thread.process->arch());
  const auto& words = syscall_registers(thread, abi);
  const auto number = thread.registers.signed_word(words.number_at_stop);
  if (number < 0 || !restarts(thread.registers.signed_word(words.result))) return;
  os::SyscallInfo info;
  info.number = number;
  info.pc = thread.registers.word(words.pc);
  for (std::size_t i = 0; i < info.args.size(); ++i) info.args[i] = thread.registers.word(words.args[i]);
  push_call(thread, info, abi, false).state = State::restarting;
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
    const auto& words = syscall_registers(thread, call.abi);
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
    // The calls of a child that nobody traces would fail by our filter
    // (FilterStorm.children_that_are_not_to_be_traced_are_left_no_trap).
    if (process.filter().count() != 0 && !call.skipped &&
        asks_for_untraced(thread, call.abi, call.number, call.args[0])) {
      set_untraced(thread, call, false);
    }
    // At the stop of PTRACE_SYSCALL the filter's is still to come. Where the filter's stop took the place of one that
    // we asked for, the kernel still believes that a signal is due: it cuts the call short and restarts it without
    // another stop (ptrace_stop, Linux 6.18; FilterStorm.calls_that_are_entered_while_the_process_is_interrupted).
    call.let_go = call.let_go || (call.by_filter && !thread.interrupted && !wants_exit(thread, call));
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

}  // namespace trapline::core
