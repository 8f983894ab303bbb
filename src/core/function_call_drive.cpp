#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include <trapline/call.hpp>
#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/drive.hpp"
#include "core/function_call.hpp"
#include "core/held_signals.hpp"
#include "core/location.hpp"
#include "core/owed_signals.hpp"
#include "core/process.hpp"
#include "core/signal_dispatch.hpp"
#include "os/proc.hpp"
#include "os/signals.hpp"
#include "support/log.hpp"

namespace trapline::core {
namespace {

using Clock = std::chrono::steady_clock;
using State = FunctionCall::State;

/// How long the others stay at rest. Most functions are much faster, and those that wait for another thread's lock
/// would wait for ever.
constexpr std::chrono::milliseconds alone{250};

/// A signal that would kill the process.
struct Fatal {
  siginfo_t info;
  /// The function brought it upon itself: a fault, abort(), raise().
  bool own;
};

std::optional<Fatal> fatal_signal(ThreadState& thread) {
  if (!decides_delivery(thread) || thread.signal == 0) return std::nullopt;
  const os::DefaultAction action = os::default_action(thread.signal);
  if (action != os::DefaultAction::terminate && action != os::DefaultAction::core) return std::nullopt;
  const os::ThreadStatus status = os::read_status(thread.tid);
  const auto has = [&](std::uint64_t set) { return (set >> (thread.signal - 1) & 1) != 0; };
  if (has(status.caught)) return std::nullopt;
  siginfo_t info = os::signal_info(thread.tid);
  info.si_signo = thread.signal;
  // What an instruction raises nobody can ignore.
  if (has(status.ignored) && info.si_code <= 0) return std::nullopt;
  const bool forced = raised_by_instruction(info) || (info.si_signo == SIGSYS && info.si_code > 0);
  return Fatal{.info = info, .own = forced || (info.si_code <= 0 && info.si_pid == status.own_tgid)};
}

/// One function on its way, driven by a command.
class Run {
 public:
  Run(ThreadState& thread, std::shared_ptr<FunctionCall> call, const CallOptions& options)
      : thread_(thread),
        process_(*thread.process),
        call_(std::move(call)),
        options_(options),
        stop_kept_(process_),
        in_callback_(process_.tracer().in_callback()) {
    if (options.timeout) deadline_ = Clock::now() + *options.timeout;
  }

  CallValue operator()(CallValueKind kind, std::span<const CallArgument> arguments) {
    std::optional<Stop> stop;
    try {
      stop = drive();
      process_.rethrow_error();
    } catch (...) {
      // A callback threw, or somebody lets the process go.
      if (call_->state() == State::running || call_->state() == State::returned) leave_quietly();
      throw;
    }
    switch (call_->state()) {
      case State::returned: return returned(kind, arguments, stop);
      case State::left:
        throw CallInterrupted(call_->name() + ": the function was left by a jump", here(StopKind::interrupted),
                              CallInterrupted::Thread::elsewhere);
      case State::replaced:
        throw CallInterrupted(call_->name() + ": the function has made the process execute another program",
                              here(StopKind::exec), CallInterrupted::Thread::elsewhere);
      case State::running: break;
    }
    if (fatal_) throw_fatal();
    if (!stop) throw_timed_out();
    throw_stopped(*stop);
  }

 private:
  [[nodiscard]] bool over() {
    if (call_->state() != State::running) return true;
    fatal_ = fatal_signal(thread_);
    return fatal_.has_value();
  }

  std::optional<Stop> drive() {
    // In a callback the others run anyway.
    const bool may_rest = !in_callback_ && process_.thread_list().size() > 1;
    if (!options_.others && may_rest) {
      const Clock::time_point patience = Clock::now() + alone;
      const bool is_end = deadline_ && *deadline_ <= patience;
      Drive drive(thread_, Others::stop, is_end ? *deadline_ : patience);
      auto stop = drive.run_until([&] { return over(); });
      if (!drive.timed_out() || is_end) return stop;
    }
    Drive drive(thread_, options_.others.value_or(Others::run), deadline_);
    return drive.run_until([&] { return over(); });
  }

  /// The thread is not in it any more.
  void drop() { std::erase(thread_.function_calls, call_); }

  CallValue returned(CallValueKind kind, std::span<const CallArgument> arguments, const std::optional<Stop>& stop) {
    const CallValue value = call_->result(kind);
    call_->copy_back(arguments);
    drop();
    call_->restore();
    // Somebody asked for it at the last moment.
    if (stop && in_callback_) process_.request_interrupt();
    stop_kept_.put_back();
    support::log(LogCategory::invoke,
                 [&] { return "thread " + std::to_string(thread_.tid) + " called " + call_->name(); });
    return value;
  }

  void leave_quietly() {
    drop();
    try {
      if (thread_.stopped()) call_->abandon();
    } catch (const Error&) {
      // It died, and there is nothing left to go back to.
    }
  }

  void abandon() {
    drop();
    call_->abandon();
    stop_kept_.put_back();
  }

  [[nodiscard]] Stop here(StopKind kind) {
    Stop stop{.kind = kind, .thread = Thread(thread_.shared_from_this())};
    return stop;
  }

  [[noreturn]] void throw_fatal() {
    Stop stop = here(StopKind::signal);
    stop.signal = fatal_->info.si_signo;
    stop.address = fault_address(fatal_->info);
    if (fatal_->own) thread_.signal = 0;
    std::string text = call_->name() + ": the function got " + os::signal_name(stop.signal);
    if (stop.address != 0) text += fmt::format(" for {:#x}", stop.address);
    text += fmt::format(" at {:#x}; the thread is back where it was",
                        thread_.registers.glance(arch::info(process_.arch()).pc));
    abandon();
    throw CallInterrupted(text, std::move(stop), CallInterrupted::Thread::back);
  }

  [[noreturn]] void throw_timed_out() {
    abandon();
    throw TimedOut(call_->name() +
                   ": the function has not returned in the time given; the thread is back where it was");
  }

  [[noreturn]] void throw_stopped(const Stop& stop) {
    if (stop.kind == StopKind::exited) {
      const std::string how = stop.exit_signal ? "was killed by " + os::signal_name(*stop.exit_signal)
                                               : "exited with status " + std::to_string(stop.exit_code.value_or(0));
      throw ProcessGone(call_->name() + ": process " + std::to_string(process_.pid()) + " " + how + " in the function");
    }
    const std::string text = call_->name() + ": stopped in the function (" + std::string(to_string(stop.kind)) + ")";
    if (in_callback_) {
      abandon();
      throw CallInterrupted(text + "; the thread is back where it was", stop, CallInterrupted::Thread::back);
    }
    call_->put_down();
    throw CallInterrupted(text + "; cont() or finish_call() lets it end, abandon_call() takes the thread back", stop,
                          CallInterrupted::Thread::in_function);
  }

  ThreadState& thread_;
  Process& process_;
  const std::shared_ptr<FunctionCall> call_;
  const CallOptions& options_;
  Process::StopKept stop_kept_;
  const bool in_callback_;
  Deadline deadline_;
  std::optional<Fatal> fatal_;
};

CallValue call_at(ThreadState& thread, Address function, std::string name, std::span<const CallArgument> arguments,
                  CallValueKind kind, const CallOptions& options) {
  const auto call = std::make_shared<FunctionCall>(thread, std::move(name));
  try {
    call->enter(function, arguments);
  } catch (...) {
    if (thread.stopped()) call->restore();
    throw;
  }
  thread.function_calls.push_back(call);
  return Run(thread, call, options)(kind, arguments);
}

/// The function that an indirect one's resolver chooses, as the dynamic linker would.
Address chosen(ThreadState& thread, Address resolver, const std::string& name, const CallOptions& options) {
  RemoteMemory& memory = thread.process->remote_memory();
  if (const auto known = memory.indirect.find(resolver); known != memory.indirect.end()) return known->second;
  const CallValue value = call_at(thread, resolver, name, {}, CallValueKind::word, options);
  Address address = 0;
  std::memcpy(&address, value.bytes.data(), sizeof address);
  thread.process->remote_memory().indirect[resolver] = address;
  return address;
}

Address address_of(ThreadState& thread, const Location& location, const CallOptions& options) {
  Process& process = *thread.process;
  const auto number = location.address();
  std::byte first{};
  // An address that is mapped means itself, which needs no look at the maps.
  if (number && location.module().empty() && process.memory().read(*number, std::span(&first, 1)) == 1) return *number;
  const Modules& modules = process.breakpoints().modules();
  const Address address = resolve(location, modules);
  return !number && is_indirect(address, modules) ? chosen(thread, address, location.text(), options) : address;
}

void check_callable(const ThreadState& thread) {
  Process& process = *thread.process;
  if (arch::call_convention(process.arch()) == nullptr) {
    throw UsageError("functions of a program for this architecture cannot be called");
  }
  if (&process.address_space() != &process) {
    throw UsageError("process " + std::to_string(process.pid()) +
                     " has its parent's memory until it executes a program: no function can be called in it");
  }
}

std::shared_ptr<FunctionCall> innermost(const ThreadState& thread, const char* verb) {
  // Callers further out refer to the stop that this would take the thread away from.
  thread.process->reject_inside_callback(verb);
  if (!thread.function_calls.empty() && !thread.function_calls.back()->awaited()) return thread.function_calls.back();
  throw UsageError(std::string(verb) + "(): thread " + std::to_string(thread.tid) +
                   " is in no function that call() was interrupted in");
}

}  // namespace

CallValue call_function(ThreadState& thread, const Location& function, std::span<const CallArgument> arguments,
                        CallValueKind kind, const CallOptions& options) {
  check_callable(thread);
  const Address address = address_of(thread, function, options);
  return call_at(thread, address, function.text(), arguments, kind, options);
}

CallValue finish_function(ThreadState& thread, CallValueKind kind, const CallOptions& options) {
  const auto call = innermost(thread, "finish_call");
  call->take_up();
  return Run(thread, call, options)(kind, {});
}

void abandon_function(ThreadState& thread) {
  const auto call = innermost(thread, "abandon_call");
  call->abandon();
  std::erase(thread.function_calls, call);
}

void abandon_all_functions(ThreadState& thread) {
  while (!thread.function_calls.empty()) {
    const auto call = thread.function_calls.back();
    thread.function_calls.pop_back();
    if (thread.stopped()) call->abandon();
  }
}

void forget_functions(ThreadState& thread) {
  for (const auto& call : std::exchange(thread.function_calls, {})) {
    call->note(State::replaced);
    call->forget();
  }
}

}  // namespace trapline::core
