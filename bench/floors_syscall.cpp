#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <csignal>
#include <memory>
#include <vector>

#include "floors.hpp"
#include "raw_tracee.hpp"
#include "rows.hpp"

namespace trapline::bench::floors {
namespace {

constexpr int syscall_stop = SIGTRAP | 0x80;
constexpr std::uintptr_t forged_result = 42;
constexpr std::uint32_t getpgrp_number = SYS_getpgrp;
constexpr std::uint32_t getppid_number = SYS_getppid;

class SyscallLoop {
 public:
  /// A batch has so many calls, or goes on to a getpgrp.
  SyscallLoop(const std::vector<std::string>& argv, std::size_t tasks, Deed deed, std::size_t calls = 0)
      : deed_(deed), running_(tasks), limit_(calls), tracee_(argv), stopped_(tracee_.pid()) {}

  double batch() {
    calls_ = 0;
    const double all = time_per_event(1, [&] { run_to_marker(); });
    return all / static_cast<double>(calls_);
  }

 private:
  void run_to_marker() {
    for (bool at_marker = false; !at_marker;) {
      if (!paused_) request(PTRACE_SYSCALL, stopped_);
      // Who is the only one that runs can be waited for by its id.
      const bool known = running_ == 1 && !paused_;
      int status = 0;
      stopped_ = ::waitpid(known ? stopped_ : -1, &status, __WALL | __WNOTHREAD);
      require(stopped_ != -1 && WIFSTOPPED(status), "stop of a tracee");
      paused_ = false;
      at_marker = status >> 8 == syscall_stop && at_syscall(stopped_);
    }
  }
  /// True at the call that ends a batch.
  bool at_syscall(pid_t tid) {
    __ptrace_syscall_info info;
    request(PTRACE_GET_SYSCALL_INFO, tid, sizeof info, &info);
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
      if (info.entry.nr == SYS_getpgrp) return true;
      if (info.entry.nr == SYS_pause) {
        paused_ = true;
        --running_;
      }
      in_getppid_ = info.entry.nr == SYS_getppid;
      if (++calls_ == limit_) return true;
      if (deed_ == Deed::skip && in_getppid_) {
        request(PTRACE_POKEUSER, tid, offsetof(user_regs_struct, orig_rax), ~std::uintptr_t{0});
        request(PTRACE_POKEUSER, tid, offsetof(user_regs_struct, rax), forged_result);
      }
    } else if (deed_ == Deed::change_result && in_getppid_) {
      request(PTRACE_POKEUSER, tid, offsetof(user_regs_struct, rax), forged_result);
    }
    return false;
  }

  Deed deed_;
  std::size_t running_;
  std::size_t limit_;
  RawTracee tracee_;
  pid_t stopped_;
  /// Whoever stopped last stays there.
  bool paused_ = false;
  bool in_getppid_ = false;
  std::size_t calls_ = 0;
};

class FilterLoop {
 public:
  FilterLoop(std::size_t events, FilterStops stops, Deed deed)
      : events_(events),
        stops_(stops),
        deed_(deed),
        filter_{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, getpgrp_number, 2, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, stops == FilterStops::none ? getpgrp_number : getppid_number, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE)},
        tracee_({tracee("calls"), "1", std::to_string(events)}, filter_) {}

  double batch() {
    return time_per_event(events_, [&] {
      while (!at_marker()) {
      }
    });
  }

 private:
  bool at_marker() {
    tracee_.go(PTRACE_CONT);
    __ptrace_syscall_info info;
    request(PTRACE_GET_SYSCALL_INFO, tracee_.pid(), sizeof info, &info);
    if (info.seccomp.nr == SYS_getpgrp) return true;
    if (deed_ == Deed::skip) {
      request(PTRACE_POKEUSER, tracee_.pid(), offsetof(user_regs_struct, orig_rax), ~std::uintptr_t{0});
      request(PTRACE_POKEUSER, tracee_.pid(), offsetof(user_regs_struct, rax), forged_result);
    }
    if (stops_ == FilterStops::enter_exit) {
      tracee_.go(PTRACE_SYSCALL);
      request(PTRACE_GET_SYSCALL_INFO, tracee_.pid(), sizeof info, &info);
      if (deed_ == Deed::change_result) {
        request(PTRACE_POKEUSER, tracee_.pid(), offsetof(user_regs_struct, rax), forged_result);
      }
    }
    return false;
  }

  std::size_t events_;
  FilterStops stops_;
  Deed deed_;
  std::vector<sock_filter> filter_;
  RawTracee tracee_;
};

class Invocations {
 public:
  explicit Invocations(std::size_t events) : events_(events), tracee_({tracee("calls"), "1", "1"}) {
    // Its first syscall shows where a syscall instruction is.
    tracee_.go(PTRACE_SYSCALL);
    tracee_.go(PTRACE_SYSCALL);
    request(PTRACE_GETREGS, tracee_.pid(), std::uintptr_t{0}, &saved_);
    saved_.orig_rax = ~0ULL;
  }

  double batch() {
    return time_per_event(events_, [&] {
      for (std::size_t i = 0; i < events_; ++i) invoke();
    });
  }

 private:
  void invoke() {
    user_regs_struct registers = saved_;
    registers.rax = SYS_getppid;
    registers.rip -= 2;
    request(PTRACE_SETREGS, tracee_.pid(), std::uintptr_t{0}, &registers);
    tracee_.go(PTRACE_SINGLESTEP);
    const long result = request(PTRACE_PEEKUSER, tracee_.pid(), offsetof(user_regs_struct, rax));
    require(result > 0, "getppid in a tracee");
    request(PTRACE_SETREGS, tracee_.pid(), std::uintptr_t{0}, &saved_);
  }

  std::size_t events_;
  RawTracee tracee_;
  user_regs_struct saved_{};
};

}  // namespace

Batch syscalls(std::size_t threads, std::size_t events, Deed deed) {
  const std::vector<std::string> argv{tracee("calls"), std::to_string(threads), std::to_string(events)};
  return [loop = std::make_shared<SyscallLoop>(argv, threads, deed)] { return loop->batch(); };
}

Batch crowd(const std::string& kind, std::size_t count, std::size_t events) {
  // Beside those that sleep there are the main thread, which does too at last, and the child.
  const std::size_t tasks = kind == "beside" ? count + 2 : count;
  const std::vector<std::string> argv{tracee("crowd"), kind, std::to_string(count)};
  return [loop = std::make_shared<SyscallLoop>(argv, tasks, Deed::none, events)] { return loop->batch(); };
}

Batch filtered_syscalls(std::size_t events, FilterStops stops, Deed deed) {
  return [loop = std::make_shared<FilterLoop>(events, stops, deed)] { return loop->batch(); };
}

Batch invocations(std::size_t events) {
  return [loop = std::make_shared<Invocations>(events)] { return loop->batch(); };
}

}  // namespace trapline::bench::floors
