#include <trapline/thread.hpp>

#include <trapline/error.hpp>
#include <trapline/process.hpp>
#include <trapline/stop.hpp>

#include "arch/arch.hpp"
#include "core/backtrace.hpp"
#include "core/batch.hpp"
#include "core/function_call.hpp"
#include "core/process.hpp"
#include "core/process_facts.hpp"
#include "core/register_file.hpp"
#include "core/remote.hpp"
#include "core/signal_view.hpp"
#include "core/stepping.hpp"
#include "core/syscall_handlers.hpp"
#include "core/syscall_view.hpp"

namespace trapline {
namespace {

template <class F>
auto live(core::ThreadState& thread, F&& function) {
  std::invoke_result_t<F&> result{};
  thread.process->at_rest(thread, [&] { result = function(); });
  return result;
}

template <class F>
auto live_or_dead(core::ThreadState& thread, F&& function) {
  std::invoke_result_t<F&> result{};
  thread.process->at_rest_or_dead(thread, [&] { result = function(); });
  return result;
}

/// A command that moves the thread; what a callback on its way threw comes out here.
template <class F>
Stop moved(core::ThreadState& thread, F&& command) {
  std::optional<Stop> stop;
  thread.process->at_rest(thread, [&] {
    stop = command();
    thread.process->rethrow_error();
  });
  return *stop;
}

}  // namespace

Thread::Thread(std::shared_ptr<core::ThreadState> state) : state_(std::move(state)) {}

pid_t Thread::tid() const { return state_->tid; }
pid_t Thread::pid() const { return state_->process->pid(); }
bool Thread::dead() const { return state_->dead; }
Process Thread::process() const { return Process(state_->process); }
std::string Thread::name() const { return core::thread_name(*state_); }
ThreadInfo Thread::info() const { return core::thread_info(*state_); }
Registers Thread::regs() const { return Registers({state_, &state_->register_file}); }
Memory Thread::memory() const { return Memory(state_->process); }

Address Thread::pc() const {
  return live_or_dead(*state_, [&] { return state_->registers.word(arch::info(state_->process->arch()).pc); });
}

std::optional<MemoryMap> Thread::stack() const {
  const auto& info = arch::info(state_->process->arch());
  return process().map_at(live_or_dead(*state_, [&] { return state_->registers.word(info.sp); }));
}

void Thread::set_pc(Address pc) const {
  state_->process->at_rest(*state_, [&] { state_->registers.set_word(arch::info(state_->process->arch()).pc, pc); });
}

std::vector<Frame> Thread::backtrace(std::size_t max) const { return backtrace(BacktraceOptions{.max = max}); }

std::vector<Frame> Thread::backtrace(const BacktraceOptions& options) const {
  return live(*state_, [&] { return core::backtrace(*state_, options); });
}

Address Thread::saved_ip() const {
  return live(*state_, [&] { return core::return_address(*state_); });
}

Abi Thread::syscall_abi() const {
  return live_or_dead(*state_, [&] { return core::view_abi(*state_); });
}

std::int64_t Thread::syscall_number() const {
  return live_or_dead(*state_, [&] { return core::view_number(*state_); });
}

void Thread::set_syscall_number(std::int64_t number) const {
  state_->process->at_rest(*state_, [&] { core::view_set_number(*state_, number); });
}

void Thread::set_syscall_number(const SyscallId& syscall) const {
  state_->process->at_rest(*state_,
                           [&] { core::view_set_number(*state_, core::resolve(core::view_abi(*state_), syscall)); });
}

std::uint64_t Thread::syscall_arg(unsigned index) const {
  return live_or_dead(*state_, [&] { return core::view_arg(*state_, index); });
}

void Thread::set_syscall_arg(unsigned index, std::uint64_t value) const {
  state_->process->at_rest(*state_, [&] { core::view_set_arg(*state_, index, value); });
}

std::int64_t Thread::syscall_return() const {
  return live_or_dead(*state_, [&] { return core::view_return(*state_); });
}

void Thread::set_syscall_return(std::int64_t value) const {
  state_->process->at_rest(*state_, [&] { core::view_set_return(*state_, value); });
}

std::int64_t Thread::original_syscall() const {
  return live(*state_, [&] { return core::view_original(*state_); });
}

void Thread::skip_syscall(std::int64_t value) const {
  state_->process->at_rest(*state_, [&] { core::view_skip(*state_, value); });
}

void Thread::fail_syscall(int error) const {
  constexpr int largest_error = 4095;
  if (error < 1 || error > largest_error) {
    throw UsageError("fail_syscall(" + std::to_string(error) + "): an error is a positive errno value such as ENOENT");
  }
  skip_syscall(-std::int64_t{error});
}

bool Thread::in_syscall() const {
  return live_or_dead(*state_, [&] { return !state_->calls.empty(); });
}

int Thread::signal() const {
  return live_or_dead(*state_, [&] { return core::view_signal(*state_); });
}

void Thread::set_signal(const SignalId& signal) const {
  const int number = signal.number() == 0 ? 0 : core::resolve_signal(signal);
  state_->process->at_rest(*state_, [&] { core::view_set_signal(*state_, number); });
}

siginfo_t Thread::signal_info() const {
  return live(*state_, [&] { return core::view_signal_info(*state_); });
}

void Thread::set_signal_info(const siginfo_t& info) const {
  state_->process->at_rest(*state_, [&] { core::view_set_signal_info(*state_, info); });
}

void Thread::send_signal(const SignalId& signal) const { core::send_signal(*state_, core::resolve_signal(signal)); }

std::int64_t Thread::invoke(const SyscallId& syscall, std::span<const InvokeArgument> arguments) const {
  return live(*state_, [&] { return core::invoke(*state_, syscall, arguments); });
}

std::vector<std::int64_t> Thread::invoke_batch(std::span<const BatchCall> calls, const BatchOptions& options) const {
  return live(*state_, [&] { return core::invoke_batch(*state_, calls, options); });
}

BatchCall& BatchCall::add_argument(const BatchArgument& argument) {
  if (count_ == most) throw UsageError("a syscall takes at most six arguments");
  arguments_[count_++] = argument;
  return *this;
}

CallValue Thread::call_function(const Location& function, std::span<const CallArgument> arguments, CallValueKind result,
                                const CallOptions& options) const {
  return live(*state_, [&] { return core::call_function(*state_, function, arguments, result, options); });
}

CallValue Thread::finish_function(CallValueKind result, const CallOptions& options) const {
  return live(*state_, [&] { return core::finish_function(*state_, result, options); });
}

bool Thread::in_call() const {
  return live_or_dead(*state_, [&] { return !state_->function_calls.empty(); });
}

void Thread::abandon_call() const {
  state_->process->at_rest(*state_, [&] { core::abandon_function(*state_); });
}

Stop Thread::step(Others others) const {
  return moved(*state_, [&] { return core::step(*state_, others); });
}

Stop Thread::step_until(const Location& location, std::size_t max, Others others) const {
  return moved(*state_, [&] { return core::step_until(*state_, location, max, others); });
}

Stop Thread::next(Others others) const {
  return moved(*state_, [&] { return core::next(*state_, others); });
}

Stop Thread::finish(FinishBy by, Others others) const {
  return moved(*state_, [&] { return core::finish(*state_, by, others); });
}

}  // namespace trapline
