#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <trapline/error.hpp>

#include "core/affinity_calls.hpp"
#include "core/argument_copies.hpp"
#include "core/remote.hpp"
#include "core/syscall_handlers.hpp"
#include "core/thread_calls.hpp"
#include "os/proc.hpp"
#include "support/log.hpp"

namespace trapline::core {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t smallest_scratch = 16 * page;
constexpr std::size_t alignment = 64;

std::size_t rounded(std::size_t size, std::size_t unit) { return (size + unit - 1) / unit * unit; }

/// Memory of the tracee for one invocation: in our scratch mapping, which grows when it must; or below the stack of a
/// thread with seccomp filters of its own, which may forbid it to map, with what was there put back.
class Loan {
 public:
  Loan(ThreadState& thread, Remote& remote, std::size_t size)
      : process_(*thread.process), size_(rounded(size, alignment)) {
    if (size_ == 0) return;
    if (has_own_filters(thread)) {
      borrow_stack(thread, remote);
    } else {
      borrow_scratch(thread, remote);
    }
  }
  ~Loan() {
    try {
      if (!covered_.empty()) static_cast<void>(process_.memory().write(address_, covered_));
    } catch (const Error&) {
      // The process is gone, and its stack with it.
    }
    if (from_scratch_) process_.remote_memory().scratch_used -= size_;
  }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;

  [[nodiscard]] Address address() const { return address_; }

 private:
  void borrow_stack(ThreadState& thread, Remote& remote) {
    const auto& words = arch::syscall_regs(process_.arch(), remote.abi());
    const Address sp = thread.registers.word(words.sp);
    address_ = (sp - arch::info(process_.arch()).red_zone - size_) / alignment * alignment;
    covered_.resize(size_);
    if (process_.memory().read(address_, covered_) != size_) {
      throw UsageError("the thread's stack has no room for " + std::to_string(size_) +
                       " bytes of arguments, and its seccomp filters keep us from mapping some");
    }
  }
  void borrow_scratch(ThreadState& thread, Remote& remote) {
    RemoteMemory& memory = process_.remote_memory();
    if (memory.scratch_size - memory.scratch_used < size_) grow(thread, remote);
    address_ = memory.scratch + memory.scratch_used;
    memory.scratch_used += size_;
    from_scratch_ = true;
  }
  void grow(ThreadState&, Remote& remote) {
    RemoteMemory& memory = process_.remote_memory();
    // One that invocations under way still use stays mapped beside the new one; it is small, and rare.
    if (memory.scratch != 0 && memory.scratch_used == 0) unmap_memory(remote, memory.scratch, memory.scratch_size);
    const std::size_t size = std::max(rounded(memory.scratch_used + size_, page), smallest_scratch);
    const std::int64_t result = map_memory(remote, {.size = size, .protection = PROT_READ | PROT_WRITE});
    if (result < 0 && result > -4096) {
      memory.forget_scratch();
      throw OsError(std::error_code(static_cast<int>(-result), std::generic_category()),
                    "mapping memory for the arguments in the tracee");
    }
    memory.scratch = static_cast<Address>(result);
    memory.scratch_size = size;
  }

  Process& process_;
  std::size_t size_;
  Address address_ = 0;
  Bytes covered_;
  bool from_scratch_ = false;
};

/// Copies of the arguments in the tracee, one after the other.
class Copies {
 public:
  Copies(ThreadState& thread, Remote& remote, std::span<const InvokeArgument> arguments)
      : process_(*thread.process), arguments_(arguments), loan_(thread, remote, total(arguments)) {}

  [[nodiscard]] SyscallArgs in() const {
    SyscallArgs args{};
    Address at = loan_.address();
    for (std::size_t i = 0; i < arguments_.size(); ++i) {
      const InvokeArgument& argument = arguments_[i];
      args[i] = argument.value();
      if (!argument.copied()) continue;
      args[i] = at;
      const Bytes bytes = copy_of(argument);
      if (process_.memory().write(at, bytes) != bytes.size())
        throw UsageError("the tracee's memory for arguments vanished");
      at += copy_size(argument);
    }
    return args;
  }
  void out() const {
    Address at = loan_.address();
    for (const InvokeArgument& argument : arguments_) {
      if (!argument.copied()) continue;
      if (!argument.output().empty()) static_cast<void>(process_.memory().read(at, argument.output()));
      at += copy_size(argument);
    }
  }

 private:
  static std::size_t total(std::span<const InvokeArgument> arguments) {
    std::size_t sum = 0;
    for (const InvokeArgument& argument : arguments) sum += copy_size(argument);
    return sum;
  }

  Process& process_;
  std::span<const InvokeArgument> arguments_;
  Loan loan_;
};

/// A child that shared our tracee's stack, or kept it waiting, at the very same place could not be sane: vfork becomes
/// fork, and a clone without a stack of its own gets a copy of the memory.
std::uint64_t sane_clone_flags(std::uint64_t flags, bool own_stack) {
  flags &= ~static_cast<std::uint64_t>(CLONE_VFORK);
  if (!own_stack && (flags & CLONE_THREAD) == 0) flags &= ~static_cast<std::uint64_t>(CLONE_VM);
  return flags;
}

void make_birth_sane(Process& process, Abi abi, std::int64_t& number, SyscallArgs& args) {
  const std::string_view name = syscall_name(abi, number);
  if (name == "vfork") {
    number = resolve(abi, "clone");
    args = {SIGCHLD};
  }
  if (name == "clone") args[0] = sane_clone_flags(args[0], args[1] != 0);
  if (name != "clone3") return;
  std::array<std::uint64_t, 7> fields{};  // flags is the first of struct clone_args, stack the sixth (clone(2)).
  if (process.memory().read(args[0], std::as_writable_bytes(std::span(fields))) != sizeof fields) return;
  fields[0] = sane_clone_flags(fields[0], fields[5] != 0);
  static_cast<void>(process.memory().write(args[0], std::as_bytes(std::span(fields).first(1))));
}

bool seen_by_someone(Process& process, Abi abi, std::int64_t number) {
  return !process.watchers()->empty() || !process.handlers().index()->find(abi, number).empty();
}

}  // namespace

std::int64_t map_memory(Remote& remote, const NewMapping& what) {
  const auto flags = MAP_PRIVATE | MAP_ANONYMOUS | what.flags;
  const SyscallArgs args{
      what.hint,         what.size, static_cast<std::uint64_t>(what.protection), static_cast<std::uint64_t>(flags),
      ~std::uint64_t{0}, 0};
  return remote.call(resolve(remote.abi(), remote.abi() == Abi::i386 ? "mmap2" : "mmap"), args);
}

void unmap_memory(Remote& remote, Address address, std::size_t size) {
  static_cast<void>(remote.call(resolve(remote.abi(), "munmap"), {address, size}));
}

std::int64_t invoke(ThreadState& thread, const SyscallId& syscall, std::span<const InvokeArgument> arguments) {
  if (arguments.size() > 6) throw UsageError("a syscall takes at most six arguments");
  Process& process = *thread.process;
  const Process::Busy busy(process);
  const Abi abi = arch::native_abi(process.arch());
  std::int64_t number = resolve(abi, syscall);
  Remote remote(thread);
  std::int64_t result = 0;
  {
    const Copies copies(thread, remote, arguments);
    SyscallArgs args = copies.in();
    make_birth_sane(process, abi, number, args);
    if (seen_by_someone(process, abi, number)) {
      result = remote.call_seen(number, args);
    } else {
      result = remote.call(number, args);
      settle_affinity_call(thread, {abi, number, args, result});
    }
    copies.out();
    if (changes_filters(abi, number, args)) forget_filtered(process);
  }
  remote.finish();
  support::log(LogCategory::invoke, [&] {
    return "thread " + std::to_string(thread.tid) + " executed " + syscall.text() + " = " + std::to_string(result);
  });
  return result;
}

void ask_whether_signal_restarts(ThreadState& thread) {
  // struct kernel_sigaction: handler, flags, restorer, each a word, and the mask (rt_sigaction(2), "C library/kernel
  // differences").
  std::array<std::uint64_t, 4> action{};
  const int signal = thread.signal;
  // Takes the signal from its delivery, into `injected`.
  Remote remote(thread);
  std::int64_t result = 0;
  {
    const InvokeArgument buffer(action);
    const std::array<InvokeArgument, 4> arguments{signal, nullptr, buffer, sizeof(std::uint64_t)};
    const Copies copies(thread, remote, arguments);
    result = remote.call(resolve(remote.abi(), "rt_sigaction"), copies.in());
    copies.out();
  }
  const bool narrow = arch::info(thread.process->arch()).word_size == sizeof(std::uint32_t);
  const std::uint64_t flags = narrow ? action[0] >> 32 : action[1];
  if (thread.injected) thread.injected->restarts = result == 0 && (flags & SA_RESTART) != 0;
  remote.finish();
}

void remove_scratch(ThreadState& thread) {
  RemoteMemory& memory = thread.process->remote_memory();
  const bool scratch = memory.scratch != 0 && memory.scratch_used == 0;
  if (!scratch && memory.return_page == 0) return;
  Remote remote(thread);
  if (scratch) {
    unmap_memory(remote, memory.scratch, memory.scratch_size);
    memory.forget_scratch();
  }
  if (memory.return_page != 0) unmap_memory(remote, std::exchange(memory.return_page, 0), page);
}

}  // namespace trapline::core
