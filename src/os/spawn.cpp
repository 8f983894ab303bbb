#include "os/spawn.hpp"

#include <linux/futex.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <utility>

#include "os/error.hpp"
#include "os/proc.hpp"
#include "os/ptrace.hpp"
#include "os/raw_clone.hpp"
#include "os/spawn_child.hpp"
#include "os/spawn_failure.hpp"
#include "os/wait.hpp"

namespace trapline::os {
namespace {

constexpr std::size_t guard_size = 4096;
constexpr std::size_t stack_size = std::size_t{4} * 4096;

/// The child's stack, with a guard page below it. One is kept for the next child: mapping, touching and unmapping it
/// would be a tenth of what a child costs.
class Stack {
 public:
  Stack() : memory_(spare().exchange(nullptr)) {
    if (memory_ != nullptr) return;
    void* memory = ::mmap(nullptr, guard_size + stack_size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) throw_os_error(errno, "mmap for a child's stack", 0);
    ::mprotect(memory, guard_size, PROT_NONE);
    memory_ = memory;
  }
  ~Stack() {
    void* surplus = spare().exchange(memory_);
    if (surplus != nullptr) ::munmap(surplus, guard_size + stack_size);
  }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  [[nodiscard]] void* top() const { return static_cast<std::byte*>(memory_) + guard_size + stack_size; }

 private:
  static std::atomic<void*>& spare() {
    static std::atomic<void*> instance{nullptr};
    return instance;
  }

  void* memory_;
};

/// Undoes what a child that changes its ids does to the host: the kernel then clears the "dumpable" flag, which belongs
/// to the memory, and the memory is the host's. The child must not set it back by itself, because a process of the new
/// user could then look into the host's memory; here it is set back when the child has left that memory.
///
/// Children of several Debuggers may overlap, so the last one restores what the first one found.
class DumpableGuard {
 public:
  DumpableGuard() {
    const std::lock_guard lock(mutex());
    if (users()++ == 0) found() = ::prctl(PR_GET_DUMPABLE);
  }
  ~DumpableGuard() {
    const std::lock_guard lock(mutex());
    if (--users() == 0 && found() == 1 && ::prctl(PR_GET_DUMPABLE) != 1) ::prctl(PR_SET_DUMPABLE, 1);
  }
  DumpableGuard(const DumpableGuard&) = delete;
  DumpableGuard& operator=(const DumpableGuard&) = delete;

 private:
  static std::mutex& mutex() {
    static std::mutex instance;
    return instance;
  }
  static int& users() {
    static int instance = 0;
    return instance;
  }
  static int& found() {
    static int instance = 0;
    return instance;
  }
};

/// Blocks every signal on this thread while its copy is made: no handler of the host may run in the child.
class SignalsBlocked {
 public:
  SignalsBlocked() { ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all_, &before_, sizeof all_); }
  ~SignalsBlocked() { ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof before_); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  std::uint64_t all_ = ~std::uint64_t{0};
  std::uint64_t before_ = 0;
};

std::vector<const char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<const char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& string : strings) pointers.push_back(string.c_str());
  pointers.push_back(nullptr);
  return pointers;
}

/// A thread can have a directory and a umask of its own (unshare(CLONE_FS)); the child has those of its parent, the
/// tracer thread. kcmp tells cheaply; where it is forbidden they are taken to differ, which costs a little time and is
/// right too.
bool share_directory(pid_t one, pid_t other) {
  return one == other || ::syscall(SYS_kcmp, one, other, KCMP_FS, 0, 0) == 0;
}

}  // namespace

struct Spawned::State {
  explicit State(SpawnRequest wanted);
  void plan_identity();
  void plan_context();
  void plan_dispositions();

  SpawnRequest request;
  /// This thread, the child's parent.
  const pid_t self = static_cast<pid_t>(::syscall(SYS_gettid));
  std::vector<const char*> argv;
  std::vector<const char*> env;
  std::vector<SpawnChild::Limit> limits;
  std::string base_directory;
  std::optional<DumpableGuard> dumpable;
  SpawnChild child;
  pid_t pid = 0;
  Stack stack;
};

Spawned::State::State(SpawnRequest wanted)
    : request(std::move(wanted)), argv(pointers_to(request.argv)), env(pointers_to(request.env)) {
  child.host = ::getpid();
  child.path = request.path.c_str();
  child.argv = argv.data();
  child.env = env.data();
  child.new_session = request.controlling_tty.has_value();
  child.tty = request.controlling_tty.value_or(-1);
  for (std::size_t i = 0; i < request.stdio.size(); ++i) child.stdio[i] = request.stdio[i];
  child.disable_aslr = request.disable_aslr;
  child.keep_descriptors = request.keep_descriptors;
  for (const SpawnLimit& limit : request.limits) limits.push_back({limit.resource, {limit.soft, limit.hard}});
  child.limits = limits.data();
  child.limit_count = limits.size();
  child.filter = {static_cast<unsigned short>(request.filter.size()), request.filter.data()};
  plan_identity();
  plan_context();
  plan_dispositions();
}

void Spawned::State::plan_identity() {
  if (!request.uid && !request.gid) return;
  child.set_groups = true;
  child.group_count = request.gid ? 1 : 0;
  child.set_gid = request.gid.has_value();
  child.gid = request.gid.value_or(0);
  child.set_uid = request.uid.has_value();
  child.uid = request.uid.value_or(0);
  dumpable.emplace();
}

void Spawned::State::plan_context() {
  const SpawnContext& context = request.context;
  if (!request.cwd.empty()) child.directory = request.cwd.c_str();
  if (context.tid == 0) {
    // Nobody asked from another thread: what this thread has is inherited; only its signal mask is changed meanwhile.
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, nullptr, &child.signal_mask, sizeof child.signal_mask);
    return;
  }
  child.signal_mask = context.signal_mask;
  child.set_scheduling = context.tid != self;
  child.nice = context.nice;
  child.affinity = context.affinity.data();
  child.affinity_size = context.affinity.size();
  if (!share_directory(context.tid, self)) {
    base_directory = "/proc/" + std::to_string(child.host) + "/task/" + std::to_string(context.tid) + "/cwd";
    child.base_directory = base_directory.c_str();
    child.set_umask = true;
    child.umask = read_status(context.tid).umask;
  }
}

void Spawned::State::plan_dispositions() {
  try {
    // One look here instead of 64 requests in the child, where each costs its way into the kernel.
    const ThreadStatus host = read_status(self);
    child.signals_to_reset = request.keep_ignored_signals ? host.caught : host.caught | host.ignored;
  } catch (const Error&) {
    // Without /proc: all of them, which resets what was to be kept too.
  }
}

SpawnContext capture_spawn_context() {
  SpawnContext context;
  context.tid = static_cast<pid_t>(::syscall(SYS_gettid));
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, nullptr, &context.signal_mask, sizeof context.signal_mask);
  // Not the libc's: it folds -1 into its error value. The kernel says 20 - nice.
  const long priority = ::syscall(SYS_getpriority, PRIO_PROCESS, 0);
  if (priority > 0) context.nice = static_cast<int>(20 - priority);
  for (std::size_t size = 128; size <= 65536; size *= 2) {
    context.affinity.resize(size);
    const long filled = ::syscall(SYS_sched_getaffinity, 0, size, context.affinity.data());
    if (filled == -1 && errno == EINVAL) continue;  // Fewer bits than the kernel has CPUs.
    context.affinity.resize(filled > 0 ? static_cast<std::size_t>(filled) : 0);
    break;
  }
  return context;
}

Spawned::Spawned(std::unique_ptr<State> state) : state_(std::move(state)) {}
Spawned::Spawned(Spawned&&) noexcept = default;

Spawned& Spawned::operator=(Spawned&& other) noexcept {
  Spawned old(std::move(*this));
  state_ = std::move(other.state_);
  return *this;
}

Spawned::~Spawned() {
  if (!state_ || !in_host_memory()) return;
  siginfo_t info{};
  const long ours = ::syscall(SYS_waitid, P_PID, state_->pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL, nullptr);
  // Reaped by somebody: dead before it could even ask the kernel to say so, and its id may belong to another by now.
  if (ours == -1) return;
  ::kill(state_->pid, SIGKILL);
  while (const auto seen = look_one(state_->pid, Sleep::until_event)) {
    take(state_->pid);
    if (seen->status.dead()) return;
    // Traced, it may stop once more on its way out (PTRACE_EVENT_EXIT).
    try {
      resume(state_->pid, Resume::cont, 0);
    } catch (const Error&) {
    }
  }
  if (!in_host_memory()) return;
  // Not waitable from this thread, so nobody knows when it is gone: better to lose the memory than to pull it away.
  static_cast<void>(state_.release());
}

pid_t Spawned::pid() const { return state_->pid; }

void Spawned::release() {
  std::atomic_ref(state_->child.released).store(1);
  ::syscall(SYS_futex, &state_->child.released, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

bool Spawned::in_host_memory() const { return std::atomic_ref(state_->child.in_host_memory).load() != 0; }

bool Spawned::filtered() const { return std::atomic_ref(state_->child.filtered).load(); }

std::optional<SpawnFailure> Spawned::failure() const {
  const SpawnStep step = std::atomic_ref(state_->child.failed_step).load();
  if (step == SpawnStep::none) return std::nullopt;
  return SpawnFailure{step, state_->child.error};
}

void Spawned::throw_failure() const {
  if (const auto what = failure()) explain_spawn_failure(*what, state_->request);
}

Spawned spawn(SpawnRequest request) {
  auto state = std::make_unique<Spawned::State>(std::move(request));
  long task = 0;
  {
    const SignalsBlocked blocked;
    // No exit signal. No CLONE_VFORK: this thread would sleep until the exec and could not seize the child. Neither
    // CLONE_FILES, CLONE_FS nor CLONE_SIGHAND: what the child does to its descriptors, directory, umask and
    // dispositions is its own.
    task = raw_clone(CLONE_VM, state->stack.top(), run_spawn_child, &state->child);
  }
  if (task < 0) {
    state->child.in_host_memory = 0;
    throw_os_error(static_cast<int>(-task), "clone", 0, task == -EAGAIN ? "a limit on processes is reached" : "");
  }
  state->pid = static_cast<pid_t>(task);
  return Spawned(std::move(state));
}

}  // namespace trapline::os
