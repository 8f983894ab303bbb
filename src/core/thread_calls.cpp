#include "core/thread_calls.hpp"

#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "core/process.hpp"
#include "os/proc.hpp"

namespace trapline::core {
namespace {

/// Calls left open by signal handlers that jumped away; the oldest are forgotten beyond this depth.
constexpr std::size_t deepest = 64;

}  // namespace

const arch::SyscallRegs& syscall_registers(const ThreadState& thread, Abi abi) {
  return arch::syscall_regs(thread.process->arch(), abi);
}

Abi abi_of(const ThreadState& thread, const os::SyscallInfo& info) {
  return arch::abi_from_audit_arch(info.audit_arch).value_or(arch::native_abi(thread.process->arch()));
}

OpenCall& push_call(ThreadState& thread, const os::SyscallInfo& info, Abi abi, bool invoked) {
  if (thread.calls.depth() >= deepest) thread.calls.drop_oldest();
  OpenCall& call = thread.calls.push();
  call.abi = abi;
  call.original_number = call.number = info.number;
  call.original_args = call.args = info.args;
  call.pc = info.pc;
  call.invoked = invoked;
  call.by_filter = info.filter_data.has_value();
  call.kernel_result = call.result = 0;
  return call;
}

void read_back(ThreadState& thread, OpenCall& call) {
  if (!thread.registers.changed()) return;
  const auto& words = syscall_registers(thread, call.abi);
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
  const auto& words = syscall_registers(thread, call.abi);
  thread.registers.set_word(words.number_at_stop, static_cast<std::uint64_t>(number));
  if (call.skipped) thread.registers.set_word(words.result, static_cast<std::uint64_t>(-ENOSYS));
  call.skipped = false;
  call.number = number;
}

void skip(ThreadState& thread, OpenCall& call, std::int64_t value) {
  const auto& words = syscall_registers(thread, call.abi);
  thread.registers.set_word(words.number_at_stop, ~std::uint64_t{0});
  thread.registers.set_word(words.result, static_cast<std::uint64_t>(value));
  call.skipped = true;
  call.skip_value = value;
}

std::optional<HandlerReturn> returned_into(ThreadState& thread, const os::SyscallInfo& info, std::size_t below) {
  while (below-- > 0) {
    const OpenCall& call = thread.calls.at(below);
    if (call.state != OpenCall::State::in_handler) continue;
    const bool restarted = info.pc == call.pc - arch::syscall_instruction_size(call.abi);
    if (restarted || (info.pc == call.pc && info.result == -EINTR)) return HandlerReturn{below, restarted};
  }
  return std::nullopt;
}

bool is_sigreturn(const OpenCall& call) {
  switch (call.abi) {
    case Abi::amd64: return call.number == 15;
    case Abi::i386: return call.number == 119 || call.number == 173;
    case Abi::aarch64: return call.number == 139;
  }
  return false;
}

bool changes_filters(Abi abi, std::int64_t number, const std::array<std::uint64_t, 6>& args) {
  const arch::FilterCalls calls = arch::filter_calls(abi);
  if (number == calls.prctl) return static_cast<std::uint32_t>(args[0]) == PR_SET_SECCOMP;
  return number == calls.seccomp;
}

bool spreads_filter(const OpenCall& call) {
  return call.number == arch::filter_calls(call.abi).seccomp &&
         static_cast<std::uint32_t>(call.args[0]) == SECCOMP_SET_MODE_FILTER &&
         (call.args[1] & SECCOMP_FILTER_FLAG_TSYNC) != 0;
}

void forget_filtered(Process& process) {
  for (const auto& thread : process.thread_list()) thread->filtered.reset();
}

bool asks_for_mode(Abi abi, std::int64_t number, std::uint64_t first_argument) {
  return number == arch::filter_calls(abi).prctl && static_cast<std::uint32_t>(first_argument) == PR_GET_SECCOMP;
}

bool asks_for_untraced(const ThreadState& thread, Abi abi, std::int64_t number, std::uint64_t first_argument) {
  const arch::FilterCalls calls = arch::filter_calls(abi);
  if (number == calls.clone) return (first_argument & CLONE_UNTRACED) != 0;
  if (number != calls.clone3) return false;
  std::uint64_t flags = 0;  // The first of struct clone_args (clone(2)).
  static_cast<void>(thread.process->memory().read(first_argument, std::as_writable_bytes(std::span(&flags, 1))));
  return (flags & CLONE_UNTRACED) != 0;
}

void set_untraced(ThreadState& thread, OpenCall& call, bool untraced) {
  constexpr std::uint64_t flag = CLONE_UNTRACED;
  call.untraced_taken = !untraced;
  if (call.number == arch::filter_calls(call.abi).clone) {
    call.args[0] = untraced ? call.args[0] | flag : call.args[0] & ~flag;
    thread.registers.set_word(syscall_registers(thread, call.abi).args[0], call.args[0]);
    return;
  }
  std::uint64_t flags = 0;
  const auto bytes = std::span(&flags, 1);
  TraceeMemory& memory = thread.process->memory();
  if (memory.read(call.args[0], std::as_writable_bytes(bytes)) != sizeof flags) return;
  flags = untraced ? flags | flag : flags & ~flag;
  static_cast<void>(memory.write(call.args[0], std::as_bytes(bytes)));
}

bool has_own_filters(const ThreadState& thread) {
  return os::has_own_filters(thread.tid, thread.process->inherited_filters());
}

}  // namespace trapline::core
