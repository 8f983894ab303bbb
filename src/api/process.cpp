#include <trapline/process.hpp>

#include <trapline/error.hpp>

#include "core/breakpoint_trap.hpp"
#include "core/lifecycle_trap.hpp"
#include "core/process.hpp"
#include "core/signal_catchers.hpp"
#include "core/signal_view.hpp"
#include "core/syscall_handlers.hpp"

namespace trapline {

Process::Process(std::shared_ptr<core::Process> process) : process_(std::move(process)) {}

pid_t Process::pid() const { return process_->pid(); }
bool Process::running() const { return process_->pid() != 0 && process_->running(); }
bool Process::dead() const {
  process_->look_for_death();
  return process_->dead();
}
std::optional<int> Process::exit_code() const {
  process_->look_for_death();
  return process_->exit_code();
}
std::optional<int> Process::exit_signal() const {
  process_->look_for_death();
  return process_->exit_signal();
}

Arch Process::arch() const {
  if (process_->pid() == 0) throw UsageError("there is no process yet: call run() or attach() first");
  return process_->arch();
}

void Process::cont() const { process_->cont(); }
Stop Process::wait(Timeout timeout) const { return process_->wait(timeout); }
void Process::interrupt() const { process_->interrupt(); }
StoppedWorld Process::stop_world() const {
  if (!process_->tracer().on_tracer_thread() || !process_->tracer().in_callback()) {
    process_->at_rest([] {});
    return {};
  }
  if (process_->gone()) throw ProcessGone("process " + std::to_string(pid()) + " is gone");
  auto held = process_->tracer().hold_all_until_callback_ends(*process_);
  return StoppedWorld([process = process_, held = std::move(held)] {
    if (process->tracer().on_tracer_thread()) process->tracer().release_early(*process, held);
  });
}

Stop Process::step(Others others) const { return main_thread().step(others); }
Stop Process::step_until(const Location& location, std::size_t max, Others others) const {
  return main_thread().step_until(location, max, others);
}
Stop Process::next(Others others) const { return main_thread().next(others); }
Stop Process::finish(FinishBy by, Others others) const { return main_thread().finish(by, others); }
void Process::kill() const { process_->kill(); }
void Process::detach() const { process_->detach(); }

std::vector<Thread> Process::threads() const {
  std::vector<Thread> threads;
  for (const auto& state : process_->threads()) threads.emplace_back(state);
  return threads;
}

Thread Process::main_thread() const { return Thread(process_->main_thread()); }
Registers Process::regs() const { return main_thread().regs(); }
Memory Process::memory() const { return Memory(process_); }
Symbols Process::symbols() const { return Symbols(process_); }

SyscallHandler Process::handle_syscall(const SyscallSet& syscalls, SyscallOptions options) const {
  return place(core::make_trap(syscalls, std::move(options)));
}

SyscallHandler Process::hijack_syscall(const SyscallSet& original, const SyscallId& replacement,
                                       const HijackOptions& options) const {
  return place(core::make_hijack(original, replacement, options));
}

SyscallHandler Process::place(std::shared_ptr<core::SyscallTrap> trap) const {
  process_->place(trap);
  return SyscallHandler(std::move(trap));
}

Breakpoint Process::breakpoint(const Location& location, BreakpointOptions options) const {
  auto trap = core::make_breakpoint(location, std::move(options));
  process_->place(trap);
  return Breakpoint(std::move(trap));
}

Breakpoint Process::watchpoint(const Location& location, WatchpointOptions options) const {
  auto trap = core::make_watchpoint(location, std::move(options));
  process_->place(trap);
  return Breakpoint(std::move(trap));
}

SignalCatcher Process::catch_signal(const SignalSet& signals, SignalOptions options) const {
  return place(core::make_catcher(signals, std::move(options)));
}

SignalCatcher Process::hijack_signal(const SignalSet& original, const SignalId& replacement,
                                     SignalOptions options) const {
  return place(core::make_signal_hijack(original, replacement, std::move(options)));
}

SignalCatcher Process::place(std::shared_ptr<core::SignalTrap> trap) const {
  process_->place(trap);
  return SignalCatcher(std::move(trap));
}

Catchpoint Process::place(std::shared_ptr<core::LifecycleTrap> trap, CatchpointOptions options) const {
  trap->thread = std::move(options.thread);
  trap->once = options.once;
  trap->ignore_count = options.ignore_count;
  trap->condition = std::move(options.condition);
  process_->place(trap);
  return Catchpoint(std::move(trap));
}

namespace {

using core::Lifecycle;
using core::LifecycleFacts;

/// The user's callback as the core calls it; an empty one stays empty.
template <class Callback, class Call>
core::LifecycleTrap::Callback adapted(Callback callback, Call call) {
  if (!callback) return {};
  return [callback = std::move(callback), call](Thread& thread, const LifecycleFacts& facts) {
    call(callback, thread, facts);
  };
}

core::LifecycleTrap::Callback about_thread(ThreadCallback callback) {
  return adapted(std::move(callback), [](const auto& run, Thread& thread, const LifecycleFacts&) { run(thread); });
}

std::shared_ptr<core::LifecycleTrap> trap_on(Lifecycle event, core::LifecycleTrap::Callback callback) {
  auto trap = std::make_shared<core::LifecycleTrap>();
  trap->want(event, std::move(callback));
  return trap;
}

}  // namespace

Catchpoint Process::on_fork(ForkCallback callback, CatchpointOptions options) const {
  const auto show_child = [](const auto& run, Thread& thread, const LifecycleFacts& facts) {
    Process child(facts.child->process);
    run(thread, child);
  };
  return place(trap_on(Lifecycle::fork, adapted(std::move(callback), show_child)), std::move(options));
}

Catchpoint Process::on_exec(ExecCallback callback, CatchpointOptions options) const {
  return place(trap_on(Lifecycle::exec, about_thread(std::move(callback))), std::move(options));
}

Catchpoint Process::on_exit(ExitCallback callback, CatchpointOptions options) const {
  const auto show_status = [](const auto& run, Thread& thread, const LifecycleFacts& facts) {
    run(thread, facts.status);
  };
  return place(trap_on(Lifecycle::exit, adapted(std::move(callback), show_status)), std::move(options));
}

Catchpoint Process::on_thread(ThreadEvents events, CatchpointOptions options) const {
  auto trap = std::make_shared<core::LifecycleTrap>();
  const bool both = !events.born && !events.died;
  if (both || events.born) trap->want(Lifecycle::thread_born, about_thread(std::move(events.born)));
  if (both || events.died) trap->want(Lifecycle::thread_died, about_thread(std::move(events.died)));
  return place(std::move(trap), std::move(options));
}

Catchpoint Process::on_load(LoadCallback callback, CatchpointOptions options) const {
  const auto show_library = [](const auto& run, Thread& thread, const LifecycleFacts& facts) {
    run(thread, *facts.library);
  };
  return place(trap_on(Lifecycle::library, adapted(std::move(callback), show_library)), std::move(options));
}

Catchpoint Process::stop_on_fork(CatchpointOptions options) const { return on_fork({}, std::move(options)); }
Catchpoint Process::stop_on_exec(CatchpointOptions options) const { return on_exec({}, std::move(options)); }
Catchpoint Process::stop_on_exit(CatchpointOptions options) const { return on_exit({}, std::move(options)); }
Catchpoint Process::stop_on_thread(CatchpointOptions options) const { return on_thread({}, std::move(options)); }
Catchpoint Process::stop_on_load(CatchpointOptions options) const { return on_load({}, std::move(options)); }

std::vector<Process> Process::children() const {
  std::vector<Process> children;
  for (const auto& child : process_->children()) children.emplace_back(child);
  return children;
}

std::optional<Process> Process::parent() const {
  const auto parent = process_->parent();
  return parent ? std::optional<Process>(parent) : std::nullopt;
}

bool Process::follow_children() const {
  bool follow = false;
  process_->tracer().call([&] { follow = process_->follow_children(); });
  return follow;
}

void Process::set_follow_children(bool follow) const {
  process_->tracer().call([&] { process_->set_follow_children(follow); });
}

SignalSet Process::signals_to_block() const {
  SignalSet signals;
  process_->tracer().call([&] { signals = process_->catchers().blocked(); });
  return signals;
}

void Process::set_signals_to_block(const SignalSet& signals) const {
  process_->tracer().call([&] { process_->catchers().block(signals); });
}

void Process::send_signal(const SignalId& signal) const { core::send_signal(*process_, core::resolve_signal(signal)); }

Observation Process::observe(Observer observer) const {
  std::shared_ptr<Observer> watching;
  process_->tracer().call([&] { watching = process_->observe(std::move(observer)); });
  return Observation([process = process_, watching] {
    if (process->tracer().stopped()) return;
    process->tracer().call([&] {
      core::Process::stop_observing(process->tracer(), watching.get());
      process->stop_observing(watching.get());
    });
  });
}

std::int64_t Process::syscall_number() const { return main_thread().syscall_number(); }
void Process::set_syscall_number(const SyscallId& syscall) const { main_thread().set_syscall_number(syscall); }
std::uint64_t Process::syscall_arg(unsigned index) const { return main_thread().syscall_arg(index); }
void Process::set_syscall_arg(unsigned index, std::uint64_t value) const {
  main_thread().set_syscall_arg(index, value);
}
std::int64_t Process::syscall_return() const { return main_thread().syscall_return(); }
int Process::signal() const { return main_thread().signal(); }
void Process::set_signal(const SignalId& signal) const { main_thread().set_signal(signal); }
void Process::set_syscall_return(std::int64_t value) const { main_thread().set_syscall_return(value); }

}  // namespace trapline
