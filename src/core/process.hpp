#pragma once

#include <sys/types.h>

#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <trapline/debugger.hpp>
#include <trapline/observer.hpp>
#include <trapline/stop.hpp>

#include "core/breakpoints.hpp"
#include "core/catchpoints.hpp"
#include "core/lazy_memory.hpp"
#include "core/maps_cache.hpp"
#include "core/process_options.hpp"
#include "core/remote_memory.hpp"
#include "core/rest_signal.hpp"
#include "core/seen_syscalls.hpp"
#include "core/signal_catchers.hpp"
#include "core/syscall_filter.hpp"
#include "core/syscall_handlers.hpp"
#include "core/thread_state.hpp"
#include "core/tracer.hpp"
#include "os/ptrace.hpp"
#include "support/function_ref.hpp"

namespace trapline::core {

class Process;
struct OwnCpus;

/// A trap was changed: brings all processes that have it in line, of which `home` is the one it was placed in.
void tell_change(Trap& trap, Process& home);

/// One process of the tree: its threads, whether it runs or rests, its traps, and its death.
///
/// Everything belongs to the tracer thread unless it says "any thread".
class Process : public std::enable_shared_from_this<Process> {
 public:
  Process(std::shared_ptr<Tracer> owner, const ProcessOptions& options);

  // Any thread.
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Its death was seen.
  [[nodiscard]] bool dead() const;
  /// It is dead, was detached, or never ran.
  [[nodiscard]] bool gone() const {
    const RestSignal::State state = rest_->get();
    return state == RestSignal::State::dead || state == RestSignal::State::detached;
  }
  [[nodiscard]] bool running() const { return rest_->get() == RestSignal::State::running; }
  [[nodiscard]] TraceeMemory& memory();
  [[nodiscard]] std::string executable() const;
  [[nodiscard]] const std::shared_ptr<RestSignal>& rest() const { return rest_; }
  [[nodiscard]] Tracer& tracer() const { return *tracer_; }
  [[nodiscard]] SymbolSettings& symbol_settings() const { return *options_.symbols; }
  [[nodiscard]] std::optional<int> exit_code() const;
  [[nodiscard]] std::optional<int> exit_signal() const;
  [[nodiscard]] std::vector<std::shared_ptr<ThreadState>> threads() const;
  [[nodiscard]] std::shared_ptr<ThreadState> main_thread() const;
  /// Its children that are followed, living or dead, in the order of their births.
  [[nodiscard]] std::vector<std::shared_ptr<Process>> children() const;
  [[nodiscard]] bool follow_children() const { return options_.follow_children; }
  void set_follow_children(bool follow);
  [[nodiscard]] bool followed() const { return followed_; }
  [[nodiscard]] std::shared_ptr<Process> parent() const { return parent_.lock(); }
  void cont();
  Stop wait(Timeout timeout);
  void interrupt();
  void kill();
  /// A process at rest may have been killed from outside, which nothing reports until somebody looks.
  void look_for_death();
  /// On the tracer thread: throws what a callback threw, once.
  void rethrow_error();

  /// Runs the function on the tracer thread once the whole process is at rest.
  void at_rest(support::FunctionRef<void()> function);
  /// Runs the function on the tracer thread once the process is at rest. Inside a callback, and for a thread that is at
  /// rest already, at once; `thread` is brought to rest for it. Rethrows what a callback threw.
  void at_rest(ThreadState& thread, support::FunctionRef<void()> function);
  /// The same for what can be read after the thread's death too.
  void at_rest_or_dead(ThreadState& thread, support::FunctionRef<void()> function);

  // Life (launch.cpp).
  /// Forgets the last run and begins with a new process, whose threads are still to be added.
  void begin(pid_t pid, bool launched, unsigned inherited_filters);
  /// Before a launch: what is handled is what the filter will be about.
  void begin_filter();
  /// Throws UsageError if the process cannot live without us.
  void check_may_leave(std::string_view verb) const;
  /// A child that has lived for a while and is to be attached to.
  [[nodiscard]] std::shared_ptr<Process> add_child(pid_t pid);
  /// Takes that back.
  void drop_child(Process& child);
  [[nodiscard]] bool launched() const { return launched_; }
  /// Any thread. In the middle of commands of others it is let go when these have come to their ends, which is soon:
  /// they throw ProcessGone. On the tracer thread nobody waits for that.
  void detach();
  /// It is to be let go, and nothing may be asked of it any more.
  [[nodiscard]] bool leaving() const { return leaving_ != Leaving::no; }
  void throw_if_leaving() const {
    if (leaving()) throw_gone();
  }
  /// Its threads stand where run() or attach() wants them; or it has died on the way there.
  void started(bool at_rest);
  /// Takes back a begin() whose process never came to be.
  void abandon();
  void let_go_quietly();
  /// Keeps the limit on the process's time for as long as it lives.
  void arm_deadline(Timer::Armed deadline) { deadline_ = std::move(deadline); }
  enum class End {
    as_told,  ///< as kill_on_exit says
    kills,
    detaches,
  };
  /// Kills it or lets it go; never throws.
  void end(End how) noexcept;
  /// The same for all processes of its tracer; a guest is let go in any case.
  void end_tree(End how) noexcept;
  /// When nothing will be asked of it any more: lets go of what would keep this object and its threads alive in a
  /// circle.
  void dissolve();
  void set_kill_on_exit(bool kill);
  [[nodiscard]] bool kill_on_exit() const;
  [[nodiscard]] os::TraceOptions trace_options() const {
    return {.kill_with_tracer = kill_on_exit(), .follow_forks = true, .report_filters = filter_.enabled()};
  }
  void mark_timed_out() { timed_out_ = true; }
  /// After exec (also the first): what was known of the old program is void.
  void image_changed(std::optional<Arch> arch = {});
  [[nodiscard]] Arch arch() const { return arch_; }
  /// The seccomp filters that it got from the host and from us; of those of an attached process nothing is known.
  [[nodiscard]] unsigned inherited_filters() const { return inherited_filters_ + filter_.count(); }
  [[nodiscard]] SyscallFilter& filter() { return filter_; }
  /// Brings the filter up to what is handled by now.
  void plan_filter();
  /// Its threads are kept on the tracer's CPU (process_cpu.cpp).
  [[nodiscard]] bool shares_cpu() const { return own_cpus_ != nullptr; }

  // Threads.
  struct NewThread {
    bool claimed = false;
    /// The thread that waits at its fork's event for this first thread of a child.
    ThreadState* announcer = nullptr;
    std::optional<bool> filtered{};
  };
  /// One that runs, or has stopped and was not seen yet.
  ThreadState& add_thread(pid_t tid, const NewThread& facts);
  [[nodiscard]] const std::vector<std::shared_ptr<ThreadState>>& thread_list() const { return threads_; }

  // Events (process.cpp).
  /// A thread has stopped or died: dispatches it, or keeps it for later.
  void on_event(ThreadState& thread, os::WaitStatus status);
  /// Puts a stopped thread's event off.
  void keep(ThreadState& thread);
  /// An exec has replaced everything. Returns the thread that survived it, at the same event: the caller may have been
  /// another one than the leader, whose id it has now.
  ThreadState& replace_image(ThreadState& thread);
  /// A thread at its exit: shows that, and lets it die unless the process is to stop there.
  Verdict on_exit_stop(ThreadState& thread);
  void on_dying(ThreadState& thread);
  /// Waits for the end of a thread that is dying, and for the process's if that comes first.
  void await_death(ThreadState& thread);
  /// Keeps what can be known of a thread that is about to die.
  void last_look(ThreadState& thread);
  /// Runs what concerns the stop that the thread is at.
  Verdict dispatch_stop(ThreadState& thread);
  /// Handles what was kept, oldest first; true when that stopped the process.
  bool dispatch_kept();
  [[nodiscard]] bool anyone_running() const;

  // Births (family.cpp).
  /// Registers the thread or process that this thread, at its event, gave birth to. Of a claimed thread it is for who
  /// claims it to call; `claimed`: a thread that is born is claimed too.
  void announce_birth(ThreadState& thread, bool claimed = false);
  /// Dispatches that event, once a child has come to its first stop; waits for it.
  Verdict on_fork(ThreadState& thread);
  /// It died at that event: its child is shown without it (Storms.kills).
  void orphan_newborn(ThreadState& thread);
  /// The same for a child whose parent died before that event.
  void adopt_orphan(pid_t child);
  /// Without anything being dispatched.
  void release_newborn(ThreadState& thread);
  /// Whose memory it has, and whose traps are in the code: its own, except while it shares those of its parent (vfork).
  [[nodiscard]] Process& address_space() { return lender_ ? *lender_ : *this; }

  // Running and resting.
  void resume(ThreadState& thread);
  /// Brings all threads but the claimed ones to rest; their own events are kept.
  void gather();
  void bring_to_rest(ThreadState& thread);
  void release_hold(ThreadState& thread);
  /// Brings every running thread to rest and counts a hold on each.
  [[nodiscard]] std::vector<std::shared_ptr<ThreadState>> hold_running();
  /// All threads that ran are at rest while it lives.
  class AllHeld {
   public:
    explicit AllHeld(Process& process) : process_(process), threads_(process.hold_running()) {}
    ~AllHeld() {
      for (const auto& thread : threads_) process_.release_hold(*thread);
    }
    AllHeld(const AllHeld&) = delete;
    AllHeld& operator=(const AllHeld&) = delete;

   private:
    Process& process_;
    const std::vector<std::shared_ptr<ThreadState>> threads_;
  };
  void publish(Stop stop);
  /// Lets all go on but the claimed ones, for a command that moves one; may come to rest at once, with a Stop.
  void run_others();
  /// Ends that: all are at rest, without a Stop.
  void rest_others();
  /// Whether it waits in the tracer's queue of Stops; returns whether it did before.
  bool queue_for_wait_any(bool queued) { return std::exchange(queued_for_wait_any_, queued); }
  /// The Stop that nobody has taken yet.
  [[nodiscard]] std::optional<Stop> take_new_stop();
  /// The Stop that is out, for one who returns it himself.
  [[nodiscard]] Stop take_stop();
  void begin_running();
  void resume_all();
  /// Waits, on the tracer thread, for the claimed thread to stop; throws ProcessGone if it dies.
  void wait_claimed(ThreadState& thread);
  [[nodiscard]] bool at_rest_now() const { return rest_->get() == RestSignal::State::at_rest; }
  void reject_inside_callback(const char* verb) const;
  /// Remembers what a callback threw; the process stops.
  void fail(std::exception_ptr error) { error_ = std::move(error); }
  [[nodiscard]] bool stop_wanted() const { return interrupt_requested_ || error_; }
  /// Another thread of the host took an event of ours: the first time, that stops the process and is thrown.
  void report_theft(const ThreadState& thread);
  /// Whether a callback of the event at hand called interrupt() or threw; asked once.
  bool take_interrupt_request() { return std::exchange(interrupt_requested_, false) || error_; }
  [[nodiscard]] Stop stop_of_death() const;
  /// What is to be told of a thread that stops the process where it stands.
  [[nodiscard]] Stop describe(ThreadState& thread) const;
  void request_interrupt() { interrupt_requested_ = true; }

  /// A command moves this thread while the process is at rest, so that interrupt() means the command; nullptr for none.
  /// Returns whom one did so far.
  ThreadState* set_driven(ThreadState* thread) { return std::exchange(driven_, thread); }

  /// While a thread of the resting process runs something of ours, commands of other threads wait.
  class Busy {
   public:
    explicit Busy(Process& process) : process_(process) { ++process_.busy_; }
    ~Busy() {
      --process_.busy_;
      process_.busy_.notify_all();
    }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    Process& process_;
  };

  /// The Stop that is out, for a command that moves a thread and brings it back to where it was.
  class StopKept {
   public:
    explicit StopKept(Process& process);
    /// Unless there is a new one.
    void put_back() const;

   private:
    Process& process_;
    const bool at_rest_;
    std::optional<Stop> stop_;
    bool taken_ = true;
  };

  /// While a trap is out for a thread to be stepped in place.
  class InPlace {
   public:
    explicit InPlace(Process& process) : process_(process) { ++process_.in_place_; }
    ~InPlace() { --process_.in_place_; }
    InPlace(const InPlace&) = delete;
    InPlace& operator=(const InPlace&) = delete;

   private:
    Process& process_;
  };

  // Traps.
  /// Any thread. Waits for the process to be at rest; before the first run, and inside callbacks, at once.
  void place(const std::shared_ptr<SyscallTrap>& trap);
  void place(const std::shared_ptr<BreakpointTrap>& trap);
  Breakpoints& breakpoints() { return breakpoints_; }
  /// Lets it go when that is due; dispatches what was put off while a callback of another process ran; single-steps a
  /// thread that stands on a trapped instruction which can be executed nowhere else. One thing at a time, so that who
  /// waits for something looks between them: true when it did something.
  bool run_due();
  [[nodiscard]] bool has_due() const {
    return leaving_ == Leaving::soon || !late_.empty() || !kept_.empty() || !due_steps_.empty();
  }
  /// Changes whenever something of it may have run.
  [[nodiscard]] std::uint64_t epoch() const { return epoch_.load(std::memory_order_relaxed); }
  void note_run() { epoch_.store(epoch() + 1, std::memory_order_release); }
  /// Any thread. The epoch, while nothing runs that could change its memory; nothing otherwise.
  [[nodiscard]] std::optional<std::uint64_t> quiet_epoch() const;
  [[nodiscard]] MapsCache& maps_cache() const { return maps_cache_; }
  void place(const std::shared_ptr<SignalTrap>& trap);
  SignalCatchers& catchers() { return catchers_; }
  void place(const std::shared_ptr<LifecycleTrap>& trap);
  Catchpoints& catchpoints() { return catchpoints_; }
  SyscallHandlers& handlers() { return handlers_; }
  /// Some trap or observer came or went: threads that run without syscall stops get them.
  void tracing_changed();
  std::shared_ptr<Observer> observe(Observer observer);
  /// In all processes of the tree that have it.
  static void stop_observing(Tracer& tracer, const Observer* observer);
  void stop_observing(const Observer* observer);
  struct Watcher {
    std::shared_ptr<Observer> observer;
    std::array<SyscallTrap::Wanted, 3> wanted;
  };
  using Watchers = std::vector<Watcher>;
  [[nodiscard]] const std::shared_ptr<const Watchers>& watchers() const { return watchers_; }
  [[nodiscard]] bool wants_syscalls() const { return wants_syscalls_ && !quiet_; }

  RemoteMemory& remote_memory() { return address_space().remote_memory_; }
  /// Counts the programs that it has executed. Any thread.
  [[nodiscard]] std::uint64_t image() const { return image_; }
  /// The program knows of its vDSO.
  [[nodiscard]] bool has_vdso() const { return !launched_ || options_.vdso; }
  SeenSyscalls& seen_syscalls() { return seen_syscalls_; }

 private:
  enum class Dead { throws, allowed };
  void place_at_rest(support::FunctionRef<void()> add);
  /// Throws UsageError when it is for a thread of another process.
  void own(Trap& trap);
  void do_at_rest(ThreadState& thread, Dead dead, support::FunctionRef<void()> function);
  void do_at_rest_on_tracer(ThreadState& thread, Dead dead, support::FunctionRef<void()> function);
  bool wait_while_running(Timeout timeout);
  void rest_from_tracer();
  void rest_from_elsewhere();
  [[noreturn]] void throw_gone() const;
  /// For a thread that cannot be looked at although the process is at rest.
  [[noreturn]] void throw_not_stopped(const ThreadState& thread) const;
  void cont_here();
  void interrupt_here();
  void kill_here();
  /// Prepares a stopped thread for the SIGKILL that comes next.
  void expect_kill(ThreadState& thread);
  void leave();
  /// Lets it go, if that is wanted and no thread is executing something of ours, from which it must not be let go.
  bool leave_when_idle();
  /// Any thread.
  void await_departure();
  void detach_here();
  void let_go(ThreadState& thread);
  void deliver_held(ThreadState& thread);

  // One CPU (process_cpu.cpp).
  /// Brings its threads onto the tracer's CPU, if that is wanted; throws OsError when the kernel allows none of them.
  void share_cpu();
  /// Of a child, before its first instruction: `maker` is the thread of the parent that made it.
  void inherit_cpu(Process& parent, pid_t maker);
  /// Of a child that nobody follows: it has the CPUs that it would have without us. `maker` is 0 when it is dead.
  void give_cpus_to_stranger(pid_t maker, pid_t child);

  enum class Shares { nothing, memory };
  void take_event(ThreadState& thread, os::WaitStatus status);
  /// A stop whose traps are settled: dispatches it, or keeps it for later.
  void admit(ThreadState& thread);
  bool admit_late();
  bool run_due_step();

  // Births (family.cpp).
  void adopt(ThreadState& thread, pid_t child, Shares shares, bool followed);
  void come_from(Process& parent, bool followed);
  void begin_as_child(Process& parent, pid_t pid, Shares shares, bool followed);
  [[nodiscard]] bool may_have_traps();
  [[nodiscard]] Verdict on_first_stop(ThreadState& thread);
  [[nodiscard]] bool awaits_newborn(const ThreadState& thread) const;
  void newborn_has_stopped(ThreadState& thread);
  void tell_birth(ThreadState& thread);
  void let_newborn_go_on(ThreadState& newborn);
  void let_guest_go(ThreadState& thread);
  /// It does not share its parent's memory any more.
  void give_back_memory();
  /// Nobody shares its memory any more: it stays with them, without its traps.
  void end_loans();
  void take_memory_over(Process& lender);
  [[nodiscard]] bool may_execute() const;
  void set_sharing(bool shares);

  // Ends (process_death.cpp, process_life.cpp).
  /// Somebody may know of its birth. Who was killed before the first stop has no death to be told either
  /// (Storms.execs).
  [[nodiscard]] bool was_shown(const ThreadState& thread) const;
  [[nodiscard]] bool shows_exit(const ThreadState& thread) const;
  [[nodiscard]] bool is_last(const ThreadState& thread) const;
  [[nodiscard]] bool ends_by_kill(End how) const;

  void dispatch(ThreadState& thread);
  /// dead(), without the lock: only the tracer thread writes it.
  [[nodiscard]] bool seen_dead() const { return death_.has_value(); }
  /// Looks at the traps at a thread's stop; false when the stop is not to be handled any further.
  [[nodiscard]] bool settle_stop(ThreadState& thread);
  void killed_at_stop(ThreadState& thread);
  /// Whether it was killed where it rests, so that its death is on its way
  /// (Death.someone_else_kills_it_while_calls_are_invoked).
  [[nodiscard]] bool left_its_stop();
  /// To all threads, at rest.
  void apply_trace_options();
  /// By one thread that can do it; at rest, or one whose stop was dispatched.
  void extend_filter_by(const std::vector<std::shared_ptr<ThreadState>>& threads);
  /// Nothing is dispatched, and nobody goes on but for a command.
  [[nodiscard]] bool frozen() const { return gathering_ || leaving(); }
  [[nodiscard]] bool would_stop(ThreadState& thread) const;
  void on_death(ThreadState& thread, os::WaitStatus status);
  void forget(ThreadState& thread);
  void finish(os::WaitStatus status, ThreadState& last);
  void stop_here(ThreadState& thread);

  const std::shared_ptr<Tracer> tracer_;
  const std::shared_ptr<RestSignal> rest_;
  std::atomic<pid_t> pid_{0};
  std::atomic<Arch> arch_{Arch::amd64};
  ProcessOptions options_;
  std::atomic<bool> launched_{true};
  std::atomic<bool> timed_out_{false};
  /// Until run() or attach() is done no trap is active.
  bool quiet_ = false;
  /// It is launched, and has not executed its program yet.
  bool spawning_ = false;
  /// kill_on_exit was changed meanwhile.
  bool options_stale_ = false;
  unsigned inherited_filters_ = 0;
  SyscallFilter filter_;
  /// What its main thread could use when it came onto the tracer's CPU; nothing when it never did.
  std::shared_ptr<const OwnCpus> own_cpus_;
  Timer::Armed deadline_;
  bool gathering_ = false;
  enum class Leaving { no, soon, now } leaving_ = Leaving::no;
  bool killing_ = false;
  unsigned dispatching_ = 0;
  ThreadState* driven_ = nullptr;
  bool interrupt_requested_ = false;
  bool theft_reported_ = false;
  bool wants_syscalls_ = false;
  std::exception_ptr error_;
  std::atomic<unsigned> busy_{0};

  /// Guards what other threads may look at: the list of threads, the memory, the exit status.
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<ThreadState>> threads_;
  std::shared_ptr<ThreadState> main_;
  LazyMemory memory_;
  std::optional<os::WaitStatus> death_;
  std::vector<std::shared_ptr<Process>> children_;
  /// Whose memory it has for the time being.
  std::shared_ptr<Process> lender_;

  std::weak_ptr<Process> parent_;
  /// A guest is not: it is nobody's child, and let go as soon as it does not share our memory any more.
  bool followed_ = true;
  std::vector<Process*> borrowers_;
  std::deque<std::shared_ptr<ThreadState>> kept_;
  std::optional<Stop> stop_;
  /// Stops decided while an outer callback was running; published one at a time.
  std::deque<Stop> deferred_stops_;
  bool stop_taken_ = false;
  bool queued_for_wait_any_ = false;

  std::deque<std::shared_ptr<ThreadState>> due_steps_;
  unsigned in_place_ = 0;
  /// Stopped while that was not 0.
  std::deque<std::shared_ptr<ThreadState>> late_;
  std::atomic<std::uint64_t> epoch_{0};
  /// It lends or borrows memory, so that others may change that.
  std::atomic<bool> sharing_{false};
  mutable MapsCache maps_cache_;

  SyscallHandlers handlers_;
  Breakpoints breakpoints_{*this};
  SignalCatchers catchers_;
  Catchpoints catchpoints_;
  /// Its end was shown to the catchpoints.
  bool exit_told_ = false;
  std::shared_ptr<const Watchers> watchers_ = std::make_shared<const Watchers>();
  RemoteMemory remote_memory_;
  std::atomic<std::uint64_t> image_{0};
  SeenSyscalls seen_syscalls_;
};

}  // namespace trapline::core
