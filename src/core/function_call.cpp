#include "core/function_call.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/argument_copies.hpp"
#include "core/held_signals.hpp"
#include "core/process.hpp"
#include "core/process_maps.hpp"
#include "core/syscall_dispatch.hpp"
#include "core/thread_calls.hpp"
#include "os/ptrace.hpp"

namespace trapline::core {

using View = ThreadState::View;

namespace {

/// Larger copies get memory of their own: a thread's stack may be small.
constexpr std::size_t most_on_stack = std::size_t{16} * 1024;

std::size_t total_copy_size(std::span<const CallArgument> arguments) {
  std::size_t sum = 0;
  for (const CallArgument& argument : arguments) sum += copy_size(argument.argument());
  return sum;
}

/// Writes below the stack pointer: not through the guard page below a stack, which our writes would not notice, but
/// where the kernel lets a stack grow.
bool write_on_stack(Process& process, Address sp, Address at, ByteView bytes) {
  if (process.memory().write_as_process(at, bytes)) return true;
  const MemoryMaps maps = memory_maps(process);
  const MemoryMap* const stack = maps.at(sp - 1);
  return stack != nullptr && stack->path == "[stack]" && process.memory().write(at, bytes) == bytes.size();
}

}  // namespace

FunctionCall::FunctionCall(ThreadState& thread, std::string name)
    : thread_(thread), name_(std::move(name)), remote_(std::make_unique<Remote>(thread)) {
  const auto vector = thread.registers.vector();
  vector_.assign(vector.begin(), vector.end());
  mask_ = os::signal_mask(thread.tid);
  due_ = take_due(thread);
  thread.status = os::WaitStatus::bare_stop();
  thread.view = View::none;
  thread.emulated = false;
}

FunctionCall::~FunctionCall() = default;

Address FunctionCall::copies_at(std::size_t size, Address below) {
  if (size <= most_on_stack || has_own_filters(thread_)) {
    return (below - size) / copy_alignment * copy_alignment;
  }
  const std::int64_t result = map_memory(*remote_, {.size = size, .protection = PROT_READ | PROT_WRITE});
  if (failed(result)) {
    throw OsError(std::error_code(static_cast<int>(-result), std::generic_category()),
                  "mapping memory for the arguments in the tracee");
  }
  mapped_ = size;
  return static_cast<Address>(result);
}

void FunctionCall::write_stack(Address at, ByteView bytes) {
  const Address sp = thread_.registers.word(arch::info(thread_.process->arch()).sp);
  if (write_on_stack(*thread_.process, sp, at, bytes)) return;
  throw UsageError("the stack of thread " + std::to_string(thread_.tid) + " has no room for the " +
                   std::to_string(bytes.size()) + " bytes of the call of " + name_ +
                   "; allocate() memory for large arguments");
}

void FunctionCall::prepare_vector(const arch::CallPlan& plan) {
  std::vector<std::byte> vector = vector_;
  const bool emptied = arch::empty_x87(vector);
  if (!emptied && plan.vectors.empty()) return;
  arch::put_vectors(thread_.process->arch(), vector, plan);
  thread_.registers.set_vector(std::move(vector));
}

void FunctionCall::enter(Address function, std::span<const CallArgument> arguments) {
  Process& process = *thread_.process;
  const Arch arch = process.arch();
  const arch::ArchInfo& about = arch::info(arch);
  const Address trap = return_trap(thread_, *remote_);
  const Address free_below = thread_.registers.word(about.sp) - about.red_zone;
  const std::size_t size = total_copy_size(arguments);
  copies_ = size != 0 ? copies_at(size, free_below) : free_below;
  const bool on_stack = mapped_ == 0;

  std::vector<CallValue> values;
  Bytes copies(size);
  for (std::size_t at = 0; const CallArgument& argument : arguments) {
    values.push_back(argument.value(copies_ + at));
    const Bytes copy = argument.argument().copied() ? copy_of(argument.argument()) : Bytes();
    std::ranges::copy(copy, copies.begin() + static_cast<std::ptrdiff_t>(at));
    at += copy_size(argument.argument());
  }
  const arch::CallPlan plan = arch::plan_call(arch, values);
  arch::CallFrame frame = arch::lay_out(arch, plan, on_stack ? copies_ : free_below, trap);
  if (on_stack && size != 0) {
    frame.bytes.resize(copies_ - frame.sp);
    frame.bytes.insert(frame.bytes.end(), copies.begin(), copies.end());
  } else if (size != 0 && process.memory().write(copies_, copies) != size) {
    throw UsageError("the tracee's memory for arguments vanished");
  }
  write_stack(frame.sp, frame.bytes);
  sp_at_return_ = frame.sp_at_return;

  remote_->begin_elsewhere();
  for (const auto& [index, value] : plan.registers) thread_.registers.set_word(index, value);
  thread_.registers.set_word(about.sp, frame.sp);
  thread_.registers.set_word(about.pc, function);
  const std::size_t flags = arch::syscall_regs(arch, about.abi).flags;
  thread_.registers.set_word(flags, thread_.registers.word(flags) & ~arch::flags_clear_in_calls);
  prepare_vector(plan);
  // The return trap's signal is forced upon the thread: were it blocked, the kernel would take its handler away.
  constexpr std::uint64_t trap_bit = std::uint64_t{1} << (SIGTRAP - 1);
  if ((mask_ & trap_bit) != 0) os::set_signal_mask(thread_.tid, mask_ & ~trap_bit);
}

CallValue FunctionCall::result(CallValueKind kind) const {
  RegisterCache& registers = thread_.registers;
  const auto xstate = arch::result_in_xstate(kind) ? registers.vector() : std::span<std::byte>();
  return arch::call_result(thread_.process->arch(), kind, registers.general(), xstate);
}

void FunctionCall::copy_back(std::span<const CallArgument> arguments) const {
  Address at = copies_;
  for (const CallArgument& argument : arguments) {
    const std::span<std::byte> output = argument.argument().output();
    if (!output.empty()) static_cast<void>(thread_.process->memory().read(at, output));
    at += copy_size(argument.argument());
  }
}

void FunctionCall::put_down() {
  awaited_ = false;
  remote_->put_down();
}

void FunctionCall::take_up() {
  awaited_ = true;
  remote_->take_up();
}

void FunctionCall::restore() {
  if (!awaited_) take_up();
  if (mapped_ != 0) unmap_memory(*remote_, copies_, mapped_);
  thread_.registers.set_vector(std::move(vector_));
  if (os::signal_mask(thread_.tid) != mask_) os::set_signal_mask(thread_.tid, mask_);
  thread_.due() = std::move(due_);
  remote_->finish();
  // Its entry in the queue may have been passed over meanwhile.
  if (thread_.pending) thread_.process->keep(thread_);
}

void FunctionCall::abandon() {
  if (!awaited_) take_up();
  std::vector<HeldSignal> came;
  {
    Remote leaving(thread_);
    came = leaving.surrender();
    leaving.put_down();
  }
  if (thread_.injected) came.push_back(*std::exchange(thread_.injected, std::nullopt));
  abandon_calls(thread_);
  static_cast<void>(take_due(thread_));
  restore();
  for (const HeldSignal& signal : came) send_held(thread_, signal);
}

void FunctionCall::forget() { static_cast<void>(remote_->surrender()); }

}  // namespace trapline::core
