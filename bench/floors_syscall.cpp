#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <string>
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

asm(R"(
  .pushsection .rodata
batch_code:
  mov (%rbx), %rax
  mov 8(%rbx), %rdi
  mov 16(%rbx), %rsi
  mov 24(%rbx), %rdx
  mov 32(%rbx), %r10
  mov 40(%rbx), %r8
  mov 48(%rbx), %r9
  syscall
  mov %rax, (%rbx)
  add $64, %rbx
  cmp %rbp, %rbx
  jb batch_code
  int3
batch_code_end:
  .popsection
)");
extern "C" const char batch_code[] __attribute__((visibility("hidden")));
extern "C" const char batch_code_end[] __attribute__((visibility("hidden")));

class BatchedInvocations {
 public:
  BatchedInvocations(std::size_t events, std::size_t calls)
      : stops_(events / calls), tracee_({tracee("calls"), "1", "1"}), table_(calls) {
    // Its first syscall shows where a syscall instruction is.
    tracee_.go(PTRACE_SYSCALL);
    tracee_.go(PTRACE_SYSCALL);
    request(PTRACE_GETREGS, tracee_.pid(), std::uintptr_t{0}, &saved_);
    saved_.orig_rax = ~0ULL;
    memory_ = ::open(("/proc/" + std::to_string(tracee_.pid()) + "/mem").c_str(), O_RDWR | O_CLOEXEC);
    require(memory_ != -1, "memory of a tracee");
    code_ = map(PROT_READ | PROT_EXEC);
    const auto size = static_cast<std::size_t>(batch_code_end - batch_code);
    require(::pwrite(memory_, batch_code, size, static_cast<off_t>(code_)) != -1, "code in a tracee");
    at_ = map(PROT_READ | PROT_WRITE);
  }
  ~BatchedInvocations() { ::close(memory_); }
  BatchedInvocations(const BatchedInvocations&) = delete;
  BatchedInvocations& operator=(const BatchedInvocations&) = delete;

  double batch() {
    return time_per_event(stops_ * table_.size(), [&] {
      for (std::size_t i = 0; i < stops_; ++i) invoke();
    });
  }

 private:
  std::uint64_t map(int protection) {
    user_regs_struct registers = saved_;
    registers.rip -= 2;
    registers.rax = SYS_mmap;
    registers.rdi = 0;
    registers.rsi = table_.size() * sizeof table_[0];
    registers.rdx = static_cast<std::uint64_t>(protection);
    registers.r10 = MAP_PRIVATE | MAP_ANONYMOUS;
    registers.r8 = ~0ULL;
    registers.r9 = 0;
    request(PTRACE_SETREGS, tracee_.pid(), std::uintptr_t{0}, &registers);
    tracee_.go(PTRACE_SINGLESTEP);
    return static_cast<std::uint64_t>(request(PTRACE_PEEKUSER, tracee_.pid(), offsetof(user_regs_struct, rax)));
  }
  void invoke() {
    for (auto& row : table_) row = {SYS_getppid};
    const iovec local{table_.data(), table_.size() * sizeof table_[0]};
    const iovec remote{reinterpret_cast<void*>(at_), local.iov_len};
    require(::process_vm_writev(tracee_.pid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(local.iov_len),
            "process_vm_writev");
    user_regs_struct registers = saved_;
    registers.rbx = at_;
    registers.rbp = at_ + local.iov_len;
    registers.rip = code_;
    request(PTRACE_SETREGS, tracee_.pid(), std::uintptr_t{0}, &registers);
    tracee_.go(PTRACE_CONT);
    require(
        ::pread(memory_, table_.data(), local.iov_len, static_cast<off_t>(at_)) == static_cast<ssize_t>(local.iov_len),
        "pread");
    require(static_cast<std::int64_t>(table_.back()[0]) > 0, "getppid in a tracee");
    request(PTRACE_SETREGS, tracee_.pid(), std::uintptr_t{0}, &saved_);
  }

  std::size_t stops_;
  RawTracee tracee_;
  /// The number, in whose place the result comes, six arguments, and a word that makes it a cache line.
  std::vector<std::array<std::uint64_t, 8>> table_;
  user_regs_struct saved_{};
  int memory_ = -1;
  std::uint64_t code_ = 0;
  std::uint64_t at_ = 0;
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

Batch batched_invocations(std::size_t events, std::size_t calls) {
  return [loop = std::make_shared<BatchedInvocations>(events, calls)] { return loop->batch(); };
}

Batch invocations(std::size_t events) {
  return [loop = std::make_shared<Invocations>(events)] { return loop->batch(); };
}

}  // namespace trapline::bench::floors
