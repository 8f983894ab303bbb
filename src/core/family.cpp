#include <linux/sched.h>
#include <signal.h>

#include <algorithm>
#include <array>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/one_cpu.hpp"
#include "core/owed_signals.hpp"
#include "core/process.hpp"
#include "core/trap_dispatch.hpp"
#include "os/proc.hpp"
#include "support/log.hpp"

// The births of threads and processes, and memory that two processes share.
//
// A child that is followed is a Process from its birth on. Its first thread is held, and its parent's thread stays at
// the fork's event, until the one has stopped before its first instruction and the other's event is dispatched: so that
// the user can be shown both. What nobody follows is freed of our traps and let go at its first stop; only one that
// shares the memory (vfork, posix_spawn) is kept as a guest until it executes a program or exits, to be helped past the
// traps, which are its parent's: taking them out would lose hits of the parent's other threads.

namespace trapline::core {

using Event = os::WaitStatus::Event;
using Run = ThreadState::Run;

namespace {

/// What the call asks for that has the thread at the event of a birth.
std::uint64_t clone_flags(ThreadState& thread) {
  const Process& process = *thread.process;
  const Abi abi =
      arch::abi_from_audit_arch(os::syscall_info(thread.tid).audit_arch).value_or(arch::native_abi(process.arch()));
  const arch::SyscallRegs& words = arch::syscall_regs(process.arch(), abi);
  const std::string_view name = syscall_name(abi, thread.registers.signed_word(words.number_at_stop));
  const std::uint64_t argument = thread.registers.word(words.args[0]);
  if (name == "vfork") return CLONE_VM | CLONE_VFORK;
  if (name == "clone") return argument;
  if (name != "clone3") return 0;
  std::uint64_t flags = 0;  // The first of struct clone_args (clone(2)).
  static_cast<void>(thread.process->memory().read(argument, std::as_writable_bytes(std::span(&flags, 1))));
  return flags;
}

std::optional<unsigned> count_filters(pid_t pid) {
  try {
    return os::read_status(pid).seccomp_filters;
  } catch (const Error&) {
    // Killed in its first moment.
    return std::nullopt;
  }
}

/// What is known of the filters of a thread that this one has made; nothing while others give it some.
std::optional<bool> filtered_like(const ThreadState& maker) {
  return maker.process->filter().spreading() ? std::nullopt : maker.filtered;
}

bool shares_memory(ThreadState& thread, pid_t child) {
  try {
    return os::share_memory(thread.tid, child);
  } catch (const ProcessGone&) {
    // Killed in its first moment.
    return false;
  } catch (const OsError&) {
    // Containers forbid kcmp (Family.each_kind_where_kcmp_is_forbidden).
    return (clone_flags(thread) & CLONE_VM) != 0;
  }
}

}  // namespace

std::vector<std::shared_ptr<Process>> Process::children() const {
  const std::lock_guard lock(mutex_);
  return children_;
}

void Process::announce_birth(ThreadState& thread, bool claimed) {
  pid_t child = 0;
  try {
    child = static_cast<pid_t>(os::event_message(thread.tid));
  } catch (const ProcessGone&) {
    // Killed at this stop; a child that it may have had is told of by nobody.
  }
  if (child == 0 || tracer_->find(child) != nullptr) return;
  // A process of its own may be reported as a clone too: it is if its exit signal is not SIGCHLD.
  if (thread.status.event() == Event::clone && os::same_process(pid_, child)) {
    if (OneCpu* const one_cpu = tracer_->one_cpu()) one_cpu->inherit(thread.tid, child);
    add_thread(child, {.claimed = claimed, .filtered = filtered_like(thread)});
    return;
  }
  const bool followed = followed_ && options_.follow_children && !tracer_->follows_nobody() && !gone();
  const bool has_traps = address_space().may_have_traps();
  const bool shared = (followed || has_traps) && shares_memory(thread, child);
  if (has_traps && !shared) {
    try {
      memory().clean_copy(child);
    } catch (const Error&) {
      // Killed in its first moment.
    }
  }
  if (filter_.count() != 0 && !followed) {
    // Its parent is being killed; without a tracer the calls that the filter stops at would fail.
    ::kill(child, SIGKILL);
  }
  // Whoever claims the thread has something to do with the child before it runs.
  if (followed || shared || thread.claimed) {
    adopt(thread, child, shared ? Shares::memory : Shares::nothing, followed);
  } else {
    give_cpus_to_stranger(thread.tid, child);
    tracer_->release_at_first_stop(child);
  }
}

bool Process::may_have_traps() {
  const TraceeMemory* const memory = memory_.ready();
  return memory != nullptr && memory->had_traps();
}

void Process::adopt(ThreadState& thread, pid_t child, Shares shares, bool followed) {
  const auto process = std::make_shared<Process>(tracer_, options_);
  process->begin_as_child(*this, child, shares, followed);
  if (followed) {
    process->inherit_cpu(*this, thread.tid);
    const std::lock_guard lock(mutex_);
    children_.push_back(process);
  } else {
    give_cpus_to_stranger(thread.tid, child);
  }
  support::log(LogCategory::process, [&] {
    return "process " + std::to_string(pid_) + " has a child " + std::to_string(child) +
           (followed ? "" : ", which nobody follows");
  });
  process->add_thread(child, {.announcer = &thread, .filtered = filtered_like(thread)});
}

void Process::begin_as_child(Process& parent, pid_t pid, Shares shares, bool followed) {
  begin(pid, parent.launched_, parent.inherited_filters_);
  spawning_ = false;
  filter_.inherit(parent.filter_);
  if (filter_.enabled() && (filter_.extended() || !filter_.covers())) {
    // The kernel may have made it before the last filter came, or after one came of which we have not heard yet
    // (FilterStorm.handlers_come_while_children_are_born).
    const unsigned filters = count_filters(pid).value_or(inherited_filters());
    const bool only_ours =
        std::ranges::all_of(parent.threads_, [](const auto& thread) { return thread->filtered == false; });
    if (filters > inherited_filters() && only_ours) filter_.note_installed(SyscallFilter::When::later);
    filter_.keep_first(filters - std::min(filters, inherited_filters_));
  }
  come_from(parent, followed);
  memory_.expect();
  quiet_ = false;
  if (shares == Shares::nothing) {
    breakpoints_.image_ready(Breakpoints::Unknown::waits);
    return;
  }
  const std::lock_guard lock(mutex_);
  lender_ = parent.address_space().shared_from_this();
  lender_->borrowers_.push_back(this);
  set_sharing(true);
  lender_->set_sharing(true);
}

void Process::set_sharing(bool shares) {
  sharing_ = shares;
  // What was known before that is void, as after a run.
  note_run();
}

void Process::come_from(Process& parent, bool followed) {
  parent_ = parent.weak_from_this();
  followed_ = followed;
  arch_ = parent.arch_.load();
  if (options_.inherit_traps && followed) {
    handlers_ = parent.handlers_.inherited();
    catchers_ = parent.catchers_.inherited();
    catchpoints_ = parent.catchpoints_.inherited();
    breakpoints_.inherit(parent.breakpoints_);
    watchers_ = parent.watchers_;
  }
  tracing_changed();
  if (followed) catchers_.block(parent.catchers_.blocked());
}

std::shared_ptr<Process> Process::add_child(pid_t pid) {
  const auto child = std::make_shared<Process>(tracer_, options_);
  child->begin(pid, launched_, 0);
  child->come_from(*this, true);
  const std::lock_guard lock(mutex_);
  children_.push_back(child);
  return child;
}

void Process::drop_child(Process& child) {
  child.let_go_quietly();
  child.dissolve();
  const std::lock_guard lock(mutex_);
  std::erase_if(children_, [&](const auto& other) { return other.get() == &child; });
}

bool Process::awaits_newborn(const ThreadState& thread) const {
  return thread.newborn && thread.newborn->run == Run::running;
}

void Process::newborn_has_stopped(ThreadState& thread) {
  if (thread.claimed || !thread.stopped() || !std::exchange(thread.pending, false)) return;
  admit(thread);
}

Verdict Process::on_fork(ThreadState& thread) {
  if (!thread.newborn) return Verdict::go_on;
  tracer_->pump_until([&] { return !awaits_newborn(thread); });
  const auto newborn = thread.newborn;
  if (!newborn) return Verdict::go_on;
  struct Release {
    ~Release() { process.release_newborn(thread); }
    Process& process;
    ThreadState& thread;
  } const release{*this, thread};
  Process& child = *newborn->process;
  if (quiet_ || !child.followed_) return Verdict::go_on;
  const Verdict verdict = run_catchpoints(thread, Lifecycle::fork, {.child = newborn});
  // Who stops here wants to do something about the child, too, before it runs.
  if (verdict == Verdict::stop) child.request_interrupt();
  return verdict;
}

Verdict Process::on_first_stop(ThreadState& thread) {
  Verdict verdict = Verdict::go_on;
  if (thread.tid != pid_) {
    verdict = run_catchpoints(thread, Lifecycle::thread_born, {});
  } else if (parent_.lock()) {
    thread.caught_as = StopKind::born;
  }
  if (cut_short(thread)) return Verdict::go_on;
  const Tracer::CallbackScope scope(*tracer_);
  const auto watchers = watchers_;
  Thread handle(thread.shared_from_this());
  for (const Watcher& watcher : *watchers) {
    if (watcher.observer->on_thread_born) watcher.observer->on_thread_born(handle);
  }
  return verdict;
}

void Process::tell_birth(ThreadState& thread) {
  const auto newborn = thread.newborn;
  if (!newborn || quiet_ || !newborn->process->followed_) return;
  try {
    // Who would stop here is dead.
    if (run_catchpoints(thread, Lifecycle::fork, {.child = newborn}) == Verdict::stop) {
      newborn->process->request_interrupt();
    }
  } catch (...) {
    fail(std::current_exception());
  }
}

void Process::orphan_newborn(ThreadState& thread) {
  tell_birth(thread);
  release_newborn(thread);
}

void Process::adopt_orphan(pid_t child) {
  if (!followed_ || !options_.follow_children || tracer_->follows_nobody()) {
    try {
      if (TraceeMemory* const memory = memory_.opened()) memory->clean_copy(child);
    } catch (const Error&) {
      // It is dead too.
    }
    // Without a tracer the calls that our filter stops at would fail.
    if (filter_.count() != 0) ::kill(child, SIGKILL);
    give_cpus_to_stranger(0, child);
    tracer_->release_at_first_stop(child);
    return;
  }
  adopt(*main_, child, Shares::nothing, true);
  orphan_newborn(*main_);
}

void Process::release_newborn(ThreadState& thread) {
  const auto newborn = std::exchange(thread.newborn, nullptr);
  if (!newborn) return;
  newborn->announcer.reset();
  newborn->process->let_newborn_go_on(*newborn);
}

void Process::let_newborn_go_on(ThreadState& newborn) {
  const auto alive = newborn.shared_from_this();
  if (!newborn.stopped()) {
    // Killed, or its parent's thread was before it has come to its first stop.
    if (newborn.holds > 0) --newborn.holds;
    return;
  }
  if (!followed_ && !lender_) {
    --newborn.holds;
    let_guest_go(newborn);
    return;
  }
  release_hold(newborn);
  if (dispatching_ == 0) dispatch_kept();
}

void Process::let_guest_go(ThreadState& thread) {
  const auto alive = shared_from_this();
  try {
    thread.registers.flush();
    os::detach(thread.tid, at_end_of_step(thread) ? 0 : thread.status.delivered_signal());
  } catch (const ProcessGone&) {
    // Nobody is left to let go.
  }
  thread.pending = false;
  thread.run = Run::dead;
  thread.dead = true;
  thread.registers.freeze();
  tracer_->remove(thread.tid);
  forget(thread);
  if (!threads_.empty()) return;
  give_back_memory();
  tracer_->remove(*this);
  rest_->set(RestSignal::State::detached);
}

void Process::give_back_memory() {
  if (!lender_) return;
  std::erase(lender_->borrowers_, this);
  lender_->set_sharing(!lender_->borrowers_.empty());
  set_sharing(false);
  const std::lock_guard lock(mutex_);
  lender_.reset();
}

void Process::end_loans() {
  const auto borrowers = std::exchange(borrowers_, {});
  for (Process* const borrower : borrowers) borrower->take_memory_over(*this);
  set_sharing(false);
  // A guest that runs into what was a trap must not be left alone with that signal.
  const auto waited_for = [](const Process* borrower) { return !borrower->followed_ && borrower->may_execute(); };
  std::vector<std::shared_ptr<Process>> guests;
  for (Process* const borrower : borrowers) guests.push_back(borrower->shared_from_this());
  tracer_->pump_until(
      [&] { return std::ranges::none_of(guests, waited_for, [](const auto& guest) { return guest.get(); }); });
}

void Process::take_memory_over(Process& lender) {
  const auto alive = shared_from_this();
  try {
    // None of its traps must stay in the memory that this one has now for itself
    // (HardPlaces.a_child_that_shares_the_memory_outlives_the_process).
    if (TraceeMemory* const memory = lender.memory_.opened()) memory->clean_copy(pid_);
  } catch (const Error&) {
    // It died too.
  }
  {
    const std::lock_guard lock(mutex_);
    lender_.reset();
    memory_.expect();
  }
  breakpoints_.expect_hits_of(lender.breakpoints_);
  for (const auto& thread : std::vector(threads_)) {
    thread->slot = nullptr;
    if (followed_ || thread->holds > 0) continue;
    if (thread->stopped()) {
      let_guest_go(*thread);
    } else if (thread->run == Run::running) {
      try {
        os::interrupt(thread->tid);
      } catch (const ProcessGone&) {
      }
    }
  }
  if (followed_ && !gone()) breakpoints_.image_ready(Breakpoints::Unknown::waits);
}

}  // namespace trapline::core
