#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <trapline/process.hpp>
#include <trapline/stdio.hpp>
#include <trapline/types.hpp>

namespace trapline {

/// A resource limit as setrlimit(2) takes it; unset means unlimited.
struct ResourceLimit {
  int resource = 0;
  std::optional<std::uint64_t> soft{};
  std::optional<std::uint64_t> hard{};
};

/// What to debug, and how.
struct DebuggerOptions {
  /// The arguments, the program's name first.
  std::vector<std::string> argv{};
  /// The file to execute when it is not argv[0]; without a slash it is looked up in PATH, like execvp(3).
  std::filesystem::path path{};
  /// The whole environment, not an addition to the host's; unset means the host's at run().
  std::optional<Environment> env{};
  std::filesystem::path cwd{};
  std::optional<uid_t> uid{};
  std::optional<gid_t> gid{};
  std::vector<ResourceLimit> limits{};
  /// Whether the process dies with this object or its host; by default launched ones do and attached ones do not.
  std::optional<bool> kill_on_exit{};
  bool aslr = true;
  /// Whether run() goes on to the program's entry point, past the dynamic loader.
  bool continue_to_entry = true;
  /// Whether a command for a running process interrupts it instead of waiting for its next stop.
  bool auto_interrupt = false;
  /// Whether each child (fork, vfork, clone, posix_spawn) becomes a Process of its own from its first instruction on;
  /// otherwise children run free and untouched.
  bool follow_children = true;
  /// Whether a followed child has the traps and observers of its parent too: the same ones, whose counts are those of
  /// all. Traps placed later are not its.
  bool inherit_traps = false;
  /// Whether the syscalls that no handler or observer wants run at full speed: by a seccomp filter in launched
  /// processes, made from the handlers there are at run() and extended when others come. Then the process cannot be
  /// let go, only killed, and without CAP_SYS_ADMIN it gets no_new_privs (prctl(2)). It has no effect with
  /// `follow_children = false`, in attached processes, and where the kernel has no such filters.
  bool syscall_filter = false;
  /// Whether the tracer thread and all threads of the tree run on one and the same CPU, which makes stops several times
  /// cheaper where waking another CPU is dear. The program still reads and sets the affinity it would have without
  /// that, and gets it when it is let go; so that it can, all its syscalls stop, unless there is a `syscall_filter`.
  /// run() and attach() throw OsError when the kernel allows no such CPU.
  bool one_cpu = false;
  /// Whether a launched program (and what a followed child executes) is told of the vDSO. Without it `clock_gettime`,
  /// `gettimeofday`, `time` and `getcpu` are system calls that can be handled.
  bool vdso = true;
  /// Where the names of functions and variables come from, in all processes of the tree.
  SymbolOptions symbols{};
};

struct RunOptions {
  /// SIGKILLs the process after so long; its Stop says `timed_out`.
  Timeout kill_after{};
  StdioOptions stdio{};
  /// The process also gets the host's other descriptors that are not close-on-exec; by default only the three streams.
  bool inherit_descriptors = false;
  /// What the host ignores (under nohup(1), say) the process ignores too; by default it begins with default actions.
  bool inherit_ignored_signals = false;
};

struct AttachOptions {
  /// Its living descendants too: they become its children(), and are all at rest as it is. One that may not be traced
  /// makes attach() throw, and nothing is attached to.
  bool tree = false;
};

/// Launches or attaches to a process and owns it: the Process of its root, and the thread that traces it.
///
/// Move-only. The destructor kills the process or lets it go, as kill_on_exit says, and leaves nothing behind; it must
/// not run inside a callback of this object.
class TRAPLINE_API Debugger : public Process {
 public:
  explicit Debugger(DebuggerOptions options);
  Debugger(Debugger&& other) noexcept;
  Debugger& operator=(Debugger&& other) noexcept;
  ~Debugger();

  /// Launches the program and returns at its entry point (or first instruction), at rest; a launched process that still
  /// lives is killed first. Throws OsError with the reason when it cannot be executed, UsageError without an argv.
  Stdio run(const RunOptions& options = {});
  /// Attaches to all threads of a running process and returns with it at rest; throws OsError naming what forbids it.
  void attach(pid_t pid, const AttachOptions& options = {});
  /// The next Stop of any process of the tree, each once, in the order of their coming; waits for one. Rethrows what a
  /// callback threw; throws TimedOut, UsageError when all are at rest and their Stops were taken, and ProcessGone when
  /// all are gone and their ends were told.
  Stop wait_any(Timeout timeout = {}) const;
  /// The living processes that are followed, in the order of their births. At any time.
  [[nodiscard]] std::vector<Process> processes() const;
  /// Kills all of them and waits for their deaths; at any moment, but not in a callback.
  void kill_tree();
  /// Lets all of them go, see Process::detach; not in a callback.
  void detach_tree();
  /// The launched process's streams; throws UsageError before the first run.
  [[nodiscard]] Stdio stdio() const;

  /// What the next run() uses.
  [[nodiscard]] std::vector<std::string> argv() const;
  void set_argv(std::vector<std::string> argv);
  [[nodiscard]] std::optional<Environment> env() const;
  void set_env(std::optional<Environment> env);
  [[nodiscard]] std::filesystem::path path() const;
  void set_path(std::filesystem::path path);
  [[nodiscard]] bool kill_on_exit() const;
  /// Takes effect at once, on all living processes of the tree.
  void set_kill_on_exit(bool kill);
  [[nodiscard]] SymbolOptions symbol_options() const;
  /// At any time, also before a run; for what is looked up from now on.
  void set_symbol_options(SymbolOptions options);

  /// Runs a whole function on the tracer thread, where each command costs no hand-over; cont() and wait() work in it.
  template <class F>
  auto on_tracer(F&& function) -> std::invoke_result_t<F&> {
    using Result = std::invoke_result_t<F&>;
    if constexpr (std::is_void_v<Result>) {
      run_on_tracer([&] { function(); });
    } else {
      std::optional<Result> result;
      run_on_tracer([&] { result.emplace(function()); });
      return std::move(*result);
    }
  }

 private:
  struct State;

  void run_on_tracer(const std::function<void()>& function);

  std::unique_ptr<State> state_;
};

}  // namespace trapline
