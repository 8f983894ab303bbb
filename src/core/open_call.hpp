#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include <trapline/types.hpp>

namespace trapline::core {

class SyscallTrap;

/// One syscall of a thread between its enter and its exit. A thread has several when a signal handler runs inside an
/// interrupted call, or when a callback invokes syscalls.
struct OpenCall {
  enum class State {
    open,        ///< inside the kernel, or at its enter or exit stop
    restarting,  ///< the kernel gave it up with -ERESTART*; nothing of the program has run since
    in_handler,  ///< likewise, and a signal handler of the program runs; it restarts (or ends) at its rt_sigreturn
  };

  Abi abi{};
  State state = State::open;
  std::int64_t original_number = 0;
  std::array<std::uint64_t, 6> original_args{};
  std::int64_t number = 0;
  std::array<std::uint64_t, 6> args{};
  /// Just past the syscall instruction.
  std::uint64_t pc = 0;
  bool skipped = false;
  std::int64_t skip_value = 0;
  /// A seccomp filter of ours stopped it, past the stop of PTRACE_SYSCALL.
  bool by_filter = false;
  /// Nobody asked for its exit: only the thread's next stop tells that it is over.
  bool let_go = false;
  /// It asked for a child that no tracer is told of, which is kept from the kernel until its end.
  bool untraced_taken = false;
  /// It gives a seccomp filter of the program's to all threads.
  bool spreads = false;
  /// Made by invoke_syscall: synchronous handlers count it and do not stop.
  bool invoked = false;
  /// Shown to observers at enter.
  bool observed = false;
  /// The handlers that saw the enter, in the order in which they ran: they and no others see the exit.
  std::vector<std::shared_ptr<SyscallTrap>> ran;
  std::int64_t kernel_result = 0;
  std::int64_t result = 0;
};

/// The open calls of a thread, the innermost last; slots are reused, so that a syscall costs no allocation.
class OpenCalls {
 public:
  OpenCall& push() {
    if (depth_ == slots_.size()) slots_.push_back(std::make_unique<OpenCall>());
    OpenCall& call = *slots_[depth_++];
    call.state = OpenCall::State::open;
    call.skipped = call.invoked = call.observed = call.by_filter = call.let_go = false;
    call.untraced_taken = call.spreads = false;
    return call;
  }
  void pop() { slots_[--depth_]->ran.clear(); }
  /// Forgets the oldest call.
  void drop_oldest() {
    slots_.front()->ran.clear();
    std::rotate(slots_.begin(), slots_.begin() + 1, slots_.begin() + static_cast<std::ptrdiff_t>(depth_));
    --depth_;
  }
  [[nodiscard]] bool empty() const { return depth_ == 0; }
  [[nodiscard]] std::size_t depth() const { return depth_; }
  [[nodiscard]] OpenCall& top() { return *slots_[depth_ - 1]; }
  [[nodiscard]] OpenCall& at(std::size_t index) { return *slots_[index]; }

 private:
  std::vector<std::unique_ptr<OpenCall>> slots_;
  std::size_t depth_ = 0;
};

}  // namespace trapline::core
