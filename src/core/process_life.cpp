#include <signal.h>

#include <algorithm>
#include <utility>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/function_call.hpp"
#include "core/process.hpp"
#include "core/remote.hpp"
#include "core/syscall_dispatch.hpp"
#include "core/vdso.hpp"
#include "os/exec_check.hpp"
#include "os/proc.hpp"
#include "os/ptrace.hpp"
#include "os/seccomp.hpp"
#include "support/log.hpp"

namespace trapline::core {

using Run = ThreadState::Run;

namespace {

Arch arch_of_image(pid_t pid) {
  try {
    const auto facts = os::read_elf_facts("/proc/" + std::to_string(pid) + "/exe");
    return facts ? arch::arch_of_machine(facts->machine).value_or(Arch::amd64) : Arch::amd64;
  } catch (const OsError& error) {
    if (error.code() != std::errc::no_such_file_or_directory) throw;
    // Seized on its last steps, without memory (Attach.to_a_tree_that_changes_meanwhile).
    throw ProcessGone("process " + std::to_string(pid) + " is exiting");
  }
}

}  // namespace

void Process::begin_filter() {
  if (options_.syscall_filter && !options_.kill_on_exit.value_or(true)) {
    throw UsageError(
        "syscall_filter with kill_on_exit = false: a filter stays for ever, and without a tracer the calls that it "
        "stops at would fail");
  }
  // Children that nobody follows would be such processes too.
  filter_.begin(options_.syscall_filter && options_.follow_children && os::filters_usable());
  plan_filter();
}

void Process::check_may_leave(std::string_view verb) const {
  if (filter_.count() == 0 || gone()) return;
  throw UsageError(std::string(verb) + ": process " + std::to_string(pid_) +
                   " has our seccomp filter, which nothing can take away: without a tracer the calls that it stops at "
                   "would fail. Run it without syscall_filter for that");
}

void Process::set_follow_children(bool follow) {
  if (!follow) {
    check_may_leave("set_follow_children(false)");
    filter_.begin(false);
  }
  options_.follow_children = follow;
}

void Process::begin(pid_t pid, bool launched, unsigned inherited_filters) {
  kept_.clear();
  deferred_stops_.clear();
  error_ = nullptr;
  timed_out_ = interrupt_requested_ = killing_ = theft_reported_ = false;
  leaving_ = Leaving::no;
  launched_ = spawning_ = launched;
  inherited_filters_ = inherited_filters;
  own_cpus_.reset();
  if (!launched) filter_.begin(false);
  remote_memory_ = {};
  ++image_;
  seen_syscalls_ = {};
  handlers_.reset_counts();
  due_steps_.clear();
  late_.clear();
  catchers_.begin();
  catchpoints_.reset_counts();
  exit_told_ = false;
  // They are gone, and nobody but their handles keeps them from now on.
  for (const auto& child : children()) child->dissolve();
  {
    const std::lock_guard lock(mutex_);
    threads_.clear();
    main_.reset();
    death_.reset();
    stop_.reset();
    stop_taken_ = true;
    children_.clear();
    memory_.drop();
    pid_ = pid;
  }
  breakpoints_.begin();
  tracer_->add(shared_from_this());
  tracer_->settle_child_signals();
  quiet_ = true;
  rest_->set(RestSignal::State::running);
}

void Process::started(bool at_rest) {
  if (at_rest) {
    gather();
    if (std::exchange(options_stale_, false)) apply_trace_options();
    share_cpu();
  }
  quiet_ = false;
  tracing_changed();
  if (at_rest && !gone()) {
    rest_->set(RestSignal::State::at_rest);
    breakpoints_.image_ready(Breakpoints::Unknown::throws);
    return;
  }
  // It died in its loader: on to its Stop.
  const auto threads = threads_;
  for (const auto& thread : threads) {
    if (thread->stopped() && thread->status.event() == os::WaitStatus::Event::exit) on_dying(*thread);
  }
  tracer_->pump_until([&] { return gone(); });
}

void Process::abandon() {
  for (const auto& child : children()) child->dissolve();
  for (const auto& thread : std::vector(threads_)) {
    tracer_->remove(thread->tid);
    thread->run = Run::dead;
    thread->dead = true;
  }
  tracer_->remove(*this);
  tracer_->leave_cpu_if_alone();
  quiet_ = false;
  const std::lock_guard lock(mutex_);
  threads_.clear();
  children_.clear();
  main_.reset();
  death_.reset();
  stop_.reset();
  pid_ = 0;
  rest_->set(RestSignal::State::dead);
}

void Process::let_go_quietly() {
  try {
    gather();
    detach_here();
  } catch (const Error&) {
    // Whatever is left is let go by the end of the tracer thread.
  }
  abandon();
}

void Process::end(End how) noexcept {
  try {
    if (ends_by_kill(how)) {
      tracer_->call([&] {
        if (pid_ != 0 && !gone()) kill_here();
      });
      return;
    }
    tracer_->call([&] {
      if (pid_ != 0 && !gone() && !leaving()) leave();
    });
    await_departure();
  } catch (const std::exception& error) {
    support::log(LogCategory::process, [&] { return std::string(error.what()); });
  }
}

bool Process::ends_by_kill(End how) const {
  return followed_ && (how == End::kills || (how == End::as_told && kill_on_exit()));
}

void Process::end_tree(End how) noexcept {
  std::vector<std::shared_ptr<Process>> ended;
  tracer_->call([&] { tracer_->follow_nobody(true); });
  for (bool found = true; found;) {
    std::vector<std::shared_ptr<Process>> living;
    tracer_->call([&] {
      for (const auto& process : tracer_->processes()) {
        if (std::ranges::find(ended, process) == ended.end()) living.push_back(process);
        // All at once, so that none has time to miss another one.
        if (process->ends_by_kill(how) && !process->gone()) ::kill(process->pid_, SIGKILL);
      }
    });
    found = !living.empty();
    for (const auto& process : living) process->end(how);
    ended.insert(ended.end(), living.begin(), living.end());
  }
  tracer_->call([&] { tracer_->follow_nobody(false); });
}

void Process::dissolve() {
  for (const auto& child : children()) child->dissolve();
  const std::lock_guard lock(mutex_);
  children_.clear();
  handlers_ = SyscallHandlers();
  breakpoints_.dissolve();
  catchers_ = SignalCatchers();
  catchpoints_ = Catchpoints();
  watchers_ = std::make_shared<const Watchers>();
  kept_.clear();
  late_.clear();
  due_steps_.clear();
  deferred_stops_.clear();
  threads_.clear();
  main_.reset();
  stop_.reset();
  memory_.drop();
}

bool Process::kill_on_exit() const {
  const std::lock_guard lock(mutex_);
  return options_.kill_on_exit.value_or(launched_);
}

void Process::apply_trace_options() {
  for (const auto& thread : threads_) {
    if (!thread->stopped()) continue;
    try {
      os::set_options(thread->tid, trace_options());
    } catch (const ProcessGone&) {
      // It was killed where it stood; what follows is its death.
    }
  }
}

void Process::set_kill_on_exit(bool kill) {
  tracer_->call([&] {
    if (!kill) {
      check_may_leave("set_kill_on_exit(false)");
      filter_.begin(false);
    }
    {
      const std::lock_guard lock(mutex_);
      options_.kill_on_exit = kill;
    }
    options_stale_ = quiet_;
    if (gone() || quiet_) return;
    if (!kill && (may_have_traps() || shares_cpu())) tracer_->guard();
    // The option can be changed at stops only.
    const bool was_running = running();
    if (was_running) gather();
    apply_trace_options();
    if (was_running && !dispatch_kept()) resume_all();
  });
}

ThreadState& Process::replace_image(ThreadState& thread) {
  // The kernel has killed all other threads; those that were not the leader reported their deaths before this event,
  // the old leader never does, and the caller goes on under the leader's id (ptrace(2), "execve(2) under ptrace").
  const auto former = static_cast<pid_t>(os::event_message(thread.tid));
  std::shared_ptr<ThreadState> survivor = thread.shared_from_this();
  if (former != thread.tid) {
    if (ThreadState* caller = tracer_->find(former)) {
      const auto leader = std::exchange(survivor, caller->shared_from_this());
      leader->registers.freeze();
      leader->run = Run::dead;
      leader->dead = true;
      forget(*leader);
      tracer_->rename(former, leader->tid);
      survivor->tid = leader->tid.load();
      survivor->registers.set_tid(leader->tid);
      survivor->run = Run::stopped;
      survivor->status = leader->status;
      {
        const std::lock_guard lock(mutex_);
        main_ = survivor;
      }
    }
  }
  end_loans();
  filter_.forget_spreads();
  std::vector<std::shared_ptr<ThreadState>> others;
  for (const auto& other : threads_) {
    if (other != survivor) others.push_back(other);
  }
  for (const auto& other : others) {
    other->run = Run::dead;
    other->dead = true;
    other->registers.freeze();
    abandon_calls(*other);
    forget_functions(*other);
    tracer_->remove(other->tid);
    forget(*other);
  }
  spawning_ = false;
  survivor->registers.forget();
  survivor->forget_traps();
  forget_functions(*survivor);
  image_changed(arch::arch_of_general_set(survivor->registers.general().size()));
  if (!options_.vdso) hide_vdso(*survivor);
  if (!quiet_) breakpoints_.image_replaced();
  return *survivor;
}

void Process::image_changed(std::optional<Arch> arch) {
  remote_memory_ = {};
  ++image_;
  const std::lock_guard lock(mutex_);
  memory_.expect();
  arch_ = arch ? *arch : arch_of_image(pid_);
}

TraceeMemory& Process::memory() {
  if (TraceeMemory* const ready = memory_.ready()) return *ready;
  std::unique_lock lock(mutex_);
  if (const auto lender = lender_) {
    lock.unlock();
    return lender->memory();
  }
  if (memory_.due()) {
    // The id may be another's by now.
    if (gone()) throw ProcessGone("process " + std::to_string(pid_) + " is gone and so is its memory");
    memory_.open(pid_, tracer_->ledger());
  }
  if (memory_.opened() == nullptr) throw UsageError("there is no process yet: call run() or attach() first");
  return *memory_.opened();
}

std::string Process::executable() const {
  try {
    return os::executable_path(pid_);
  } catch (const Error&) {
    // A leader that exited before its threads executes nothing any more, but they do.
    for (const auto& thread : threads()) {
      if (thread->tid != pid_) return os::executable_path(thread->tid);
    }
    throw;
  }
}

}  // namespace trapline::core
