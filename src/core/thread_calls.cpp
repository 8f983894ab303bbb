#include "core/thread_calls.hpp"

#include <algorithm>
#include <cerrno>

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

bool changes_filters(const OpenCall& call) {
  return std::ranges::count(arch::filter_installing_calls(call.abi), call.number) != 0;
}

bool has_own_filters(const ThreadState& thread) {
  return os::has_own_filters(thread.tid, thread.process->inherited_filters());
}

}  // namespace trapline::core
