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
  SyscallLoop(std::size_t threads, std::size_t events, Deed deed)
      : deed_(deed),
        one_thread_(threads == 1),
        tracee_({tracee("calls"), std::to_string(threads), std::to_string(events)}),
        stopped_(tracee_.pid()) {}

  double batch() {
    calls_ = 0;
    const double all = time_per_event(1, [&] { run_to_marker(); });
    return all / static_cast<double>(calls_);
  }

 private:
  void run_to_marker() {
    for (pid_t tid = stopped_;;) {
      request(PTRACE_SYSCALL, tid);
      int status = 0;
      tid = ::waitpid(one_thread_ ? tid : -1, &status, one_thread_ ? __WALL : __WALL | __WNOTHREAD);
      require(tid != -1 && WIFSTOPPED(status), "stop of a tracee");
      if (status >> 8 == syscall_stop && at_syscall(tid)) {
        stopped_ = tid;
        return;
      }
    }
  }
  /// True at the call that ends a batch.
  bool at_syscall(pid_t tid) {
    __ptrace_syscall_info info;
    request(PTRACE_GET_SYSCALL_INFO, tid, sizeof info, &info);
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
      if (info.entry.nr == SYS_getpgrp) return true;
      in_getppid_ = info.entry.nr == SYS_getppid;
      ++calls_;
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
  bool one_thread_;
  RawTracee tracee_;
  pid_t stopped_;
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
  return [loop = std::make_shared<SyscallLoop>(threads, events, deed)] { return loop->batch(); };
}

Batch filtered_syscalls(std::size_t events, FilterStops stops, Deed deed) {
  return [loop = std::make_shared<FilterLoop>(events, stops, deed)] { return loop->batch(); };
}

Batch invocations(std::size_t events) {
  return [loop = std::make_shared<Invocations>(events)] { return loop->batch(); };
}

}  // namespace trapline::bench::floors
