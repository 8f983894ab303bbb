#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <trapline/stop.hpp>

#include "core/quick_look.hpp"
#include "core/timer.hpp"
#include "core/turns.hpp"
#include "os/affinity_ledger.hpp"
#include "os/doorbell.hpp"
#include "os/guardian.hpp"
#include "os/trap_ledger.hpp"
#include "os/wait.hpp"
#include "support/cpu_set.hpp"
#include "support/function_ref.hpp"

namespace trapline::core {

class OneCpu;
class Process;
class ThreadState;

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

/// The tracer thread of one root Debugger: the only thread that may ptrace its tree of processes. It runs the commands
/// of other threads, sleeps in waitid for its tracees, and hands each event to the process that it belongs to.
class Tracer {
 public:
  Tracer();
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  /// Ends the thread, from another one; what is called afterwards throws ProcessGone.
  void stop();
  [[nodiscard]] bool stopped() const { return jobs_.load() == &closed_; }
  [[nodiscard]] bool on_tracer_thread() const noexcept {
    return std::this_thread::get_id() == id_.load(std::memory_order_relaxed);
  }

  /// Runs the function on the tracer thread and returns when it is done; what it throws is thrown here. Inline when
  /// already there. Throws ProcessGone once the tracer has stopped.
  void call(support::FunctionRef<void()> function);

  /// Beside a wait for the tracer: looks ever more rarely whether it sleeps for an event that another thread of the
  /// host took, by waiting for any child (Host.a_thread_that_waits_for_any_child_is_reported_and_loses_us_no_stop).
  class TheftWatch {
   public:
    explicit TheftWatch(Tracer& tracer);
    [[nodiscard]] std::chrono::steady_clock::time_point next_look() const { return next_; }
    /// Does nothing before that time.
    void look();

   private:
    Tracer& tracer_;
    std::chrono::nanoseconds pause_;
    std::chrono::steady_clock::time_point next_;
  };

  // On the tracer thread only, from here on.

  /// Handles the events that another thread of the host took.
  void recover_stolen();

  void add(const std::shared_ptr<ThreadState>& thread);
  /// An exec by another thread than the leader gives it the leader's id.
  void rename(pid_t from, pid_t to);
  void remove(pid_t tid);
  [[nodiscard]] ThreadState* find(pid_t tid) const;
  void add(std::shared_ptr<Process> process);
  void remove(Process& process);
  /// Those that live and are ours, in the order of their births.
  [[nodiscard]] const std::vector<std::shared_ptr<Process>>& processes() const { return processes_; }

  /// While it is on no child becomes one of ours.
  void follow_nobody(bool on) { follows_nobody_ = on; }
  [[nodiscard]] bool follows_nobody() const { return follows_nobody_; }

  /// Handles one event or command, sleeping for it; returns early when the deadline passed.
  void pump_one(const Deadline& deadline = {});
  template <class Done>
  bool pump_until(Done done, const Deadline& deadline = {}) {
    while (!done()) {
      if (deadline && std::chrono::steady_clock::now() >= *deadline) return false;
      pump_one(deadline);
    }
    return true;
  }
  /// Handles what has happened already, without sleeping.
  void drain();

  /// A tracee that was auto-attached though nobody follows it: it is let go at its first stop.
  void release_at_first_stop(pid_t tid);
  /// True for a tracee that stopped before its birth was announced.
  [[nodiscard]] bool early(pid_t tid) const;

  /// The stop was not taken (os::look_any); it must be before the next look if the thread stays stopped.
  void note_untaken(ThreadState& thread, os::WaitStatus status);
  void note_resumed(ThreadState& thread);
  /// The process has something to do that no event will bring up: it is asked again and again until it has not.
  void note_due(Process& process);

  /// Called before tracees go on: decides whether this thread blocks SIGCHLD.
  ///
  /// Every stop sends one to the host. When this thread blocks it, the kernel wakes another thread of the host for it
  /// each time, only to drop it there, which adds a fourth to what a stop costs; when it does not and nobody handles
  /// it, the kernel drops it at once. A host with a handler does not get it run here, and one that keeps SIGCHLD
  /// blocked, to take it by sigwait or signalfd, does not lose it here.
  void settle_child_signals();
  /// A child whose parent was killed between its making and its event is announced by nobody: those that have stopped
  /// are taken for children of the process that has died (Storms.kills).
  void adopt_orphans(const std::shared_ptr<Process>& dead);
  /// From here on the traps of all processes are taken out, and their affinities given back, when the host is killed.
  void guard();
  [[nodiscard]] os::TrapLedger& ledger() { return ledger_; }

  /// What keeps tracees on this thread's CPU; nullptr when nothing does.
  [[nodiscard]] OneCpu* one_cpu() const { return one_cpu_.get(); }
  /// The same, chosen now for a process that may use these CPUs if there was none; throws OsError.
  OneCpu& choose_cpu(const support::CpuSet& usable);
  /// Lets this thread run where it likes again when no process shares its CPU any more.
  void leave_cpu_if_alone();

  /// A process has a new Stop to be taken.
  void note_stop(const std::shared_ptr<Process>& process);
  /// Any thread: the next Stop that nobody has taken yet, of whichever process had it first; waits for one. Rethrows
  /// what a callback threw, throws TimedOut, UsageError when all are at rest and their Stops taken, and ProcessGone
  /// when all are gone.
  [[nodiscard]] Stop wait_any(Timeout timeout);

  /// Runs a function on a thread of its own at a time; see Timer.
  [[nodiscard]] Timer& timer() { return timer_; }

  /// Marks the scope in which a callback of the user runs, and what it keeps at rest.
  class CallbackScope {
   public:
    explicit CallbackScope(Tracer& tracer) : tracer_(tracer), outer_(std::exchange(tracer.callback_, this)) {}
    ~CallbackScope();
    CallbackScope(const CallbackScope&) = delete;
    CallbackScope& operator=(const CallbackScope&) = delete;

   private:
    friend class Tracer;
    Tracer& tracer_;
    CallbackScope* outer_;
    std::vector<std::shared_ptr<ThreadState>> held_;
  };
  /// True inside a callback; a command of another thread that is served meanwhile is not inside it.
  [[nodiscard]] bool in_callback() const { return callback_ != nullptr; }
  /// Keeps another thread at rest until the running callback ends.
  void hold_until_callback_ends(std::shared_ptr<ThreadState> thread);
  /// The same for all running threads of a process; the result can be given back earlier.
  [[nodiscard]] std::vector<std::shared_ptr<ThreadState>> hold_all_until_callback_ends(Process& process);
  void release_early(Process& process, const std::vector<std::shared_ptr<ThreadState>>& held);

 private:
  struct Job {
    support::FunctionRef<void()> function;
    Job* next = nullptr;
    std::exception_ptr error{};
    std::atomic<std::uint32_t> done{0};
  };
  enum class Sleeping : std::uint32_t { no, for_jobs, for_events };

  void wake();
  bool run_jobs();
  void run_list(Job* newest);
  void loop();
  void sleep_for_jobs(const Deadline& deadline);
  [[nodiscard]] bool anyone_running() const;
  bool run_due();
  /// One that might not be found for long.
  std::optional<os::Waited> event_by_turn();
  /// One that comes at once.
  std::optional<os::Waited> quick_event();
  std::optional<os::Waited> sleep_for_event(const Deadline& deadline);
  [[nodiscard]] std::optional<Stop> take_any_stop();
  std::optional<os::Waited> next_event(os::Sleep sleep);
  void handle(const os::Waited& event);
  void handle_stranger(const os::Waited& event);
  [[nodiscard]] std::optional<os::WaitStatus> early_status(pid_t tid);
  void adopt_orphan(pid_t tid);
  /// True when something else was found than what was looked at.
  bool take_untaken();
  /// Where a zombie of the host's hides them: true when somebody was reaped.
  bool reap_dying();

  std::atomic<Job*> jobs_{nullptr};
  /// Stands in the queue once nobody serves it any more.
  Job closed_{[] {}};
  std::atomic<std::thread::id> id_{};
  std::atomic<Sleeping> sleeping_{Sleeping::no};
  std::atomic<std::uint32_t> wakeups_{0};
  std::atomic<bool> stopping_{false};
  std::mutex bell_mutex_;
  std::unique_ptr<os::Doorbell> bell_;
  os::TrapLedger ledger_;
  os::AffinityLedger affinities_;
  std::unique_ptr<os::Guardian> guardian_;
  std::unique_ptr<OneCpu> one_cpu_;
  std::unordered_map<pid_t, std::shared_ptr<ThreadState>> threads_;
  std::vector<std::shared_ptr<Process>> processes_;
  std::vector<pid_t> to_release_;
  /// Tracees that have stopped, or even died, before their births were announced.
  std::unordered_map<pid_t, os::WaitStatus> early_;
  std::weak_ptr<Process> last_dead_;
  std::vector<ThreadState*> untaken_;
  Turns turns_;
  QuickLook quick_look_;
  std::vector<std::shared_ptr<Process>> due_;
  /// The thread that was last resumed probably still runs.
  pid_t last_resumed_ = 0;
  /// Those that have Stops nobody has taken, each once.
  std::deque<std::shared_ptr<Process>> stops_;
  /// Counts Stops, for who sleeps until there is one.
  std::atomic<std::uint32_t> stops_seen_{0};
  std::atomic<unsigned> stop_sleepers_{0};
  bool foreign_zombie_ = false;
  bool follows_nobody_ = false;
  std::atomic<bool> theft_suspected_{false};
  std::atomic<bool> thefts_seen_{false};
  const bool host_blocks_child_signals_;
  bool child_signals_blocked_ = true;
  CallbackScope* callback_ = nullptr;
  Timer timer_;
  std::thread thread_;
};

}  // namespace trapline::core
