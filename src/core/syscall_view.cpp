#include "core/syscall_view.hpp"

#include <string>

#include <trapline/error.hpp>
#include <trapline/syscall_id.hpp>

#include "arch/arch.hpp"
#include "core/process.hpp"
#include "core/thread_calls.hpp"

namespace trapline::core {
namespace {

using View = ThreadState::View;

OpenCall& current(const ThreadState& thread) { return const_cast<ThreadState&>(thread).calls.top(); }

/// What the fields mean: whoever moves the pc away from a finished call is about to issue another one.
View view_of(const ThreadState& thread) {
  if (thread.view != View::exit) return thread.view;
  const auto pc = thread.registers.known_word(arch::info(thread.process->arch()).pc);
  return pc && *pc != current(thread).pc ? View::none : View::exit;
}

const arch::SyscallRegs& words(const ThreadState& thread) {
  return arch::syscall_regs(thread.process->arch(), view_abi(thread));
}

void check_index(unsigned index) {
  if (index > 5) throw UsageError("syscall_arg(" + std::to_string(index) + "): a syscall has the arguments 0 to 5");
}

[[noreturn]] void reject_at_exit(const char* what) {
  throw UsageError(std::string(what) + " at a syscall's exit: the call is over; write it at enter");
}

void check_value(std::int64_t value) {
  // The kernel would take these for its own request to restart the call.
  if (restarts(value)) throw UsageError("the results -512 to -516 are the kernel's own and never reach a program");
}

}  // namespace

Abi view_abi(const ThreadState& thread) {
  return view_of(thread) == View::none ? arch::native_abi(thread.process->arch()) : current(thread).abi;
}

std::int64_t view_number(ThreadState& thread) {
  if (view_of(thread) == View::none) return thread.registers.signed_word(words(thread).number_before);
  OpenCall& call = current(thread);
  if (view_of(thread) == View::enter) read_back(thread, call);
  return call.number;
}

void view_set_number(ThreadState& thread, std::int64_t number) {
  switch (view_of(thread)) {
    case View::none: thread.registers.set_word(words(thread).number_before, static_cast<std::uint64_t>(number)); return;
    case View::enter: change_number(thread, current(thread), number); return;
    case View::exit: reject_at_exit("set_syscall_number()");
  }
}

std::uint64_t view_arg(ThreadState& thread, unsigned index) {
  check_index(index);
  if (view_of(thread) == View::none) return thread.registers.word(words(thread).args[index]);
  OpenCall& call = current(thread);
  if (view_of(thread) == View::enter) read_back(thread, call);
  return call.args[index];
}

void view_set_arg(ThreadState& thread, unsigned index, std::uint64_t value) {
  check_index(index);
  if (view_of(thread) == View::exit) reject_at_exit("set_syscall_arg()");
  // The i386 entry reads the low halves only, of a 64-bit program's registers too.
  if (view_abi(thread) == Abi::i386) value = static_cast<std::uint32_t>(value);
  thread.registers.set_word(words(thread).args[index], value);
  if (view_of(thread) == View::enter) current(thread).args[index] = value;
}

std::int64_t view_return(ThreadState& thread) {
  switch (view_of(thread)) {
    case View::none: return thread.registers.signed_word(words(thread).result);
    case View::enter:
      throw UsageError("syscall_return() at a syscall's enter: the call has not run yet; read it at exit");
    case View::exit: break;
  }
  if (const auto written = thread.registers.known_signed_word(words(thread).result)) return *written;
  return current(thread).result;
}

void view_set_return(ThreadState& thread, std::int64_t value) {
  check_value(value);
  switch (view_of(thread)) {
    case View::none: break;
    case View::enter:
      throw UsageError("set_syscall_return() at a syscall's enter: use skip_syscall(), or write it at exit");
    case View::exit: {
      OpenCall& call = current(thread);
      if (is_sigreturn(call))
        throw UsageError("the result of rt_sigreturn is a restored register, not a result to write");
      call.result = value;
      break;
    }
  }
  thread.registers.set_word(words(thread).result, static_cast<std::uint64_t>(value));
}

std::int64_t view_original(const ThreadState& thread) {
  if (view_of(thread) == View::none) throw UsageError("original_syscall() away from a syscall stop");
  return current(thread).original_number;
}

void view_skip(ThreadState& thread, std::int64_t value) {
  check_value(value);
  if (view_of(thread) != View::enter) {
    throw UsageError(view_of(thread) == View::exit
                         ? "skip_syscall() at a syscall's exit: the kernel has run it; use set_syscall_return()"
                         : "skip_syscall() away from a syscall stop: call it at a syscall's enter");
  }
  skip(thread, current(thread), value);
}

}  // namespace trapline::core
