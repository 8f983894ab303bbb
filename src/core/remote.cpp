#include "core/remote.hpp"

#include <sched.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <trapline/error.hpp>

#include "arch/batch_stub.hpp"
#include "core/held_signals.hpp"
#include "core/special_calls.hpp"
#include "core/syscall_dispatch.hpp"
#include "core/syscall_handlers.hpp"
#include "core/syscall_site.hpp"
#include "core/thread_calls.hpp"
#include "os/proc.hpp"
#include "support/log.hpp"

namespace trapline::core {

using Event = os::WaitStatus::Event;
using Run = ThreadState::Run;
using View = ThreadState::View;

namespace {

constexpr std::uint64_t no_number = ~std::uint64_t{0};

}  // namespace

Remote::Remote(ThreadState& thread)
    : thread_(thread),
      process_(*thread.process),
      busy_(std::in_place, process_),
      abi_(arch::native_abi(process_.arch())),
      words_(arch::syscall_regs(process_.arch(), abi_)),
      saved_status_(thread.status),
      saved_view_(thread.view),
      saved_emulated_(thread.emulated),
      claim_(std::in_place, thread),
      quiet_since_(process_.quiet_epoch()) {
  if (!thread.stopped()) throw ProcessGone("thread " + std::to_string(thread.tid) + " is dead");
  recall_findings();
  if (thread.status.event() == Event::exit) {
    throw UsageError("thread " + std::to_string(thread.tid) + " is exiting: it can run no syscall any more");
  }
  const Event event = thread.status.event();
  if (event == Event::vfork) {
    throw UsageError("thread " + std::to_string(thread.tid) +
                     " is in vfork: it can run no syscall before its child has executed a program or exited");
  }
  if (event == Event::clone || event == Event::fork || event == Event::exec) leave_event();
  const auto general = thread.registers.general();
  saved_.assign(general.begin(), general.end());
  saved_number_ = thread.registers.signed_word(words_.number_at_stop);
  saved_result_ = thread.registers.signed_word(words_.result);
  saved_pc_ = thread.registers.word(words_.pc);
  if (thread.status.syscall_stop()) {
    if (!thread.known_info) thread.known_info = os::syscall_info(thread.tid);
    was_at_enter_ = thread.known_info->side == os::SyscallInfo::Side::enter;
    if (was_at_enter_ && thread.last_resume != os::Resume::emulate) leave_enter();
  } else if (at_signal_delivery(thread)) {
    hold_current_signal();
  }
  // Inside the kernel with a call given up: whether it restarts is decided after the signals, on its way out.
  interrupted_ = !was_at_enter_ && saved_number_ >= 0 && restarts(saved_result_) && saved_view_ == View::none;
}

Remote::~Remote() {
  if (finished_) return;
  try {
    finish();
  } catch (...) {
    // The thread died; there is nothing left to restore.
  }
}

void Remote::set_registers() {
  thread_.registers.set_general(saved_);
  thread_.registers.set_word(words_.number_at_stop, no_number);
}

void Remote::begin_elsewhere() {
  forget_findings();
  set_registers();
}

void Remote::put_down() {
  claim_.reset();
  busy_.reset();
}

void Remote::take_up() {
  forget_findings();
  busy_.emplace(process_);
  claim_.emplace(thread_);
}

std::vector<HeldSignal> Remote::surrender() {
  finished_ = true;
  return std::exchange(held_, {});
}

void Remote::leave_event() {
  // Inside its own clone or execve, whose result the kernel has yet to write over our registers: on to the exit, whose
  // dispatch takes the place of the event's (InvokeWhere.at_the_birth_of_threads).
  const auto child = thread_.newborn;
  if (child && child->run == Run::running) {
    // Its first stop, which the event waits for, would find this thread claimed.
    process_.tracer().pump_until([&] { return child->run != Run::running; });
    process_.keep(thread_);
  }
  while (!go(os::Resume::syscall)) {
  }
  saved_status_ = thread_.status;
  if (!thread_.pending) process_.keep(thread_);
}

void Remote::leave_enter() {
  // The entered call must not run: with the number -1 the kernel refuses it, and its exit stop is ours alone.
  left_enter_ = true;
  thread_.registers.set_word(words_.number_at_stop, no_number);
  while (!go(os::Resume::syscall)) {
  }
}

void Remote::hold_current_signal() {
  // The first resume would consume it.
  if (std::exchange(thread_.pending, false) && !thread_.signal_due) {
    held_.push_back(take_signal(thread_));
  } else {
    put_off_signal(thread_);
  }
}

bool Remote::go(os::Resume how) {
  thread_.registers.flush();
  os::resume(thread_.tid, how, 0);
  thread_.registers.expire();
  thread_.run = Run::running;
  thread_.last_resume = how;
  process_.tracer().note_resumed(thread_);
  process_.wait_claimed(thread_);
  const os::WaitStatus status = thread_.status;
  if (thread_.filter_stop != ThreadState::FilterStop::none) return false;
  switch (status.event()) {
    case Event::none:
      if (status.syscall_stop()) return true;
      if (status.stop_signal() == SIGTRAP && how == os::Resume::step) return true;
      if (code_ != nullptr && ended_code()) return true;
      held_.push_back(take_signal(thread_));
      return false;
    case Event::fork:
    case Event::vfork:
    case Event::clone: adopt_child(); return false;
    case Event::exec: executed_ = true; return false;
    case Event::exit:
      // Nothing stops a thread inside a command that runs a syscall in it.
      static_cast<void>(process_.on_exit_stop(thread_));
      if (thread_.stopped()) process_.on_dying(thread_);
      claim_.reset();
      process_.await_death(thread_);
      finished_ = true;
      throw ProcessGone("thread " + std::to_string(thread_.tid) + " died in the syscall");
    case Event::stop: return how == os::Resume::cont && code_ == nullptr;
    case Event::vfork_done:
    case Event::seccomp: return false;
  }
  return false;
}

void Remote::enter_call(std::int64_t number, const SyscallArgs& args) {
  set_registers();
  thread_.registers.set_word(words_.number_before, static_cast<std::uint64_t>(number));
  for (std::size_t i = 0; i < args.size(); ++i) thread_.registers.set_word(words_.args[i], args[i]);
  thread_.registers.set_word(words_.pc, syscall_site());
  // Past a hardware breakpoint that may be there.
  if (process_.breakpoints().watchpoints().in_use()) {
    thread_.registers.set_word(words_.flags, thread_.registers.word(words_.flags) | arch::resume_flag);
  }
}

Address Remote::syscall_site() {
  RemoteMemory& remote = process_.remote_memory();
  if (remote.syscall_site == 0 || process_.memory().planted(remote.syscall_site))
    remote.syscall_site = find_syscall_site(process_);
  return remote.syscall_site;
}

std::int64_t Remote::call(std::int64_t number, const SyscallArgs& args) {
  const bool changes_mask = changes_signal_mask(abi_, number);
  const bool stepping = !changes_mask && can_trap();
  if (changes_mask) findings_.can_trap.reset();
  enter_call(number, args);
  const Address site = syscall_site();
  for (;;) {
    if (!go(stepping ? os::Resume::step : os::Resume::syscall)) {
      if (executed_) {
        while (!go(os::Resume::syscall)) {
        }
        return 0;
      }
      if (!held_.empty() && held_.back().info.si_signo == SIGSEGV && thread_.registers.word(words_.pc) == site) {
        // The instruction that served so far was unmapped.
        held_.pop_back();
        process_.remote_memory().syscall_site = 0;
        return call(number, args);
      }
      continue;
    }
    if (!stepping && os::syscall_info(thread_.tid).side == os::SyscallInfo::Side::enter) continue;
    const auto result = thread_.registers.signed_word(words_.result);
    // Interrupted by a signal that we hold back: the kernel sends it in again.
    if (stepping ? thread_.registers.word(words_.pc) != site : !restarts(result)) return result;
    // A SIGTRAP of the program's came before the step.
    if (stepping && os::signal_info(thread_.tid).si_code <= 0) held_.push_back(take_signal(thread_));
  }
}

std::int64_t Remote::call_seen(std::int64_t number, const SyscallArgs& args) {
  // Callbacks may do anything.
  forget_findings();
  enter_call(number, args);
  bool entered = false;
  for (;;) {
    if (!go(os::Resume::syscall)) {
      if (executed_) entered = true;
      continue;
    }
    const os::SyscallInfo info = os::syscall_info(thread_.tid);
    // A callback may invoke more (InvokeWhere.in_callbacks_of_an_invoked_call), and this is the
    // stop that it does so at.
    const auto outer = std::exchange(thread_.known_info, info);
    static_cast<void>(on_invoked_stop(thread_, info));
    thread_.known_info = outer;
    if (info.side == os::SyscallInfo::Side::enter) {
      if (!entered || thread_.view == View::enter) read_back(thread_, thread_.calls.top());
      thread_.view = View::none;
      entered = true;
    } else if (thread_.view == View::exit) {
      const std::int64_t result = thread_.calls.top().result;
      thread_.calls.pop();
      thread_.view = View::none;
      return result;
    } else if (thread_.calls.empty() || thread_.calls.top().state != OpenCall::State::restarting) {
      return info.result;
    }
  }
}

bool Remote::ended_code() {
  const int signal = thread_.status.stop_signal();
  if (signal != SIGTRAP && signal != SIGSEGV && signal != SIGBUS) return false;
  const auto& info = arch::info(process_.arch());
  const Address pc = thread_.registers.glance(info.pc);
  if (signal != SIGTRAP) {
    return pc >= code_->start && pc <= code_->trap && os::signal_info(thread_.tid).si_code > 0;
  }
  if (pc != code_->trap + info.pc_after_trap) return false;
  // The kernel queues no signal of a number twice: there the trap's own was lost to one of the program's.
  if (os::signal_info(thread_.tid).si_code <= 0) held_.push_back(take_signal(thread_));
  return true;
}

bool Remote::run(const RemoteCode& code) {
  set_registers();
  thread_.registers.set_word(code.word, code.value);
  thread_.registers.set_word(words_.pc, code.start);
  const std::uint64_t flags = thread_.registers.word(words_.flags);
  thread_.registers.set_word(words_.flags, flags & ~arch::flags_clear_in_batches);
  struct Running {
    explicit Running(const RemoteCode*& at, const RemoteCode& now) : code(at) { code = &now; }
    ~Running() { code = nullptr; }
    const RemoteCode*& code;
  } const running(code_, code);
  while (!go(os::Resume::cont)) {
  }
  const auto& info = arch::info(process_.arch());
  return thread_.registers.glance(info.pc) == code.trap + info.pc_after_trap;
}

void Remote::adopt_child() {
  const auto child = static_cast<pid_t>(os::event_message(thread_.tid));
  process_.announce_birth(thread_, true);
  ThreadState* const found = process_.tracer().find(child);
  if (found == nullptr) return;
  const auto born = found->shared_from_this();
  process_.tracer().pump_until([&] { return born->run != Run::running; });
  try {
    if (born->stopped()) fix_child_registers(born->registers);
  } catch (const ProcessGone&) {
    // Killed in its first moment, which its next status tells.
  }
  if (thread_.newborn) {
    static_cast<void>(process_.on_fork(thread_));
    return;
  }
  born->claimed = false;
  if (born->stopped()) process_.keep(*born);
}

void Remote::fix_child_registers(RegisterCache& registers) const {
  const std::uint64_t stack = registers.word(words_.sp);
  const bool own_stack = stack != thread_.registers.word(words_.sp);
  registers.set_general(saved_);
  if (own_stack) registers.set_word(words_.sp, stack);
  if (was_at_enter_ || interrupted_) {
    // The child is at the same call, and nothing of the kernel's is on its way there: it issues it itself.
    registers.set_word(words_.pc, saved_pc_ - arch::syscall_instruction_size(abi_));
    registers.set_word(words_.number_before, static_cast<std::uint64_t>(saved_number_));
    registers.set_word(words_.number_at_stop, no_number);
  }
}

void Remote::return_to_enter() {
  thread_.registers.set_general(saved_);
  thread_.registers.set_word(words_.pc, saved_pc_ - arch::syscall_instruction_size(abi_));
  thread_.registers.set_word(words_.number_before, static_cast<std::uint64_t>(saved_number_));
  thread_.registers.set_word(words_.number_at_stop, no_number);
  while (!go(os::Resume::syscall)) {
  }
  thread_.registers.set_general(saved_);
  // That was the stop of PTRACE_SYSCALL, wherever it stood before: the filter's is still to come.
  if (!thread_.calls.empty()) thread_.calls.top().by_filter = false;
  if (thread_.known_info) thread_.known_info->filter_data.reset();
}

void Remote::return_to_signal_check() {
  // Back to where the kernel decides about restarts and group-stops: an interruption leads there before anything else.
  thread_.registers.set_general(saved_);
  thread_.registers.flush();
  os::interrupt(thread_.tid);
  while (!go(os::Resume::cont)) {
  }
  thread_.registers.set_general(saved_);
}

void Remote::resend_held() {
  for (const HeldSignal& signal : std::exchange(held_, {})) send_held(thread_, signal);
}

void Remote::restore_view() {
  thread_.view = saved_view_;
  thread_.emulated = saved_emulated_;
  claim_.reset();
  if (saved_status_.syscall_stop()) {
    thread_.status = saved_status_;
    if (!thread_.pending) thread_.known_info.reset();
  } else {
    thread_.known_info.reset();
    thread_.status = saved_status_.event() == Event::none || !saved_status_.group_stop() ? os::WaitStatus::bare_stop()
                                                                                         : saved_status_;
    if (thread_.pending) thread_.status = saved_status_;
  }
}

void Remote::finish() {
  finished_ = true;
  if (!thread_.stopped()) return;
  if (executed_) {
    thread_.view = View::none;
    thread_.status = os::WaitStatus::bare_stop();
    thread_.known_info.reset();
    resend_held();
    return;
  }
  if (left_enter_) {
    return_to_enter();
  } else if (interrupted_ || saved_status_.group_stop()) {
    return_to_signal_check();
  } else {
    thread_.registers.set_general(saved_);
  }
  resend_held();
  keep_findings();
  restore_view();
}

}  // namespace trapline::core
