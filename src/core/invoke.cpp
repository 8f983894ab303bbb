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
#include "core/loan.hpp"
#include "core/remote.hpp"
#include "core/syscall_handlers.hpp"
#include "core/thread_calls.hpp"
#include "os/proc.hpp"
#include "support/log.hpp"

namespace trapline::core {
namespace {

constexpr std::size_t page = 4096;

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

}  // namespace

bool seen_by_someone(Process& process, Abi abi, std::int64_t number) {
  return !process.watchers()->empty() || !process.handlers().index()->find(abi, number).empty();
}

std::int64_t map_memory(Remote& remote, const NewMapping& what) {
  const auto flags = MAP_PRIVATE | MAP_ANONYMOUS | what.flags;
  const SyscallArgs args{
      what.hint,         what.size, static_cast<std::uint64_t>(what.protection), static_cast<std::uint64_t>(flags),
      ~std::uint64_t{0}, 0};
  return remote.call(resolve(remote.abi(), remote.abi() == Abi::i386 ? "mmap2" : "mmap"), args);
}

std::int64_t map_unshared(Remote& remote, const NewMapping& what) {
  const std::int64_t result = map_memory(remote, what);
  if (failed(result)) return result;
  const SyscallArgs args{static_cast<std::uint64_t>(result), what.size, MADV_DONTFORK};
  static_cast<void>(remote.call(resolve(remote.abi(), "madvise"), args));
  return result;
}

void unmap_memory(Remote& remote, Address address, std::size_t size) {
  static_cast<void>(remote.call(resolve(remote.abi(), "munmap"), {address, size}));
}

std::int64_t invoke_in(Remote& remote, ThreadState& thread, std::int64_t number,
                       std::span<const InvokeArgument> arguments) {
  Process& process = *thread.process;
  const Abi abi = remote.abi();
  const Copies copies(thread, remote, arguments);
  SyscallArgs args = copies.in();
  make_birth_sane(process, abi, number, args);
  std::int64_t result = 0;
  if (seen_by_someone(process, abi, number)) {
    result = remote.call_seen(number, args);
  } else {
    result = remote.call(number, args);
    settle_affinity_call(thread, {abi, number, args, result});
  }
  if (changes_filters(abi, number, args)) remote.forget_filters();
  copies.out();
  return result;
}

std::int64_t invoke(ThreadState& thread, const SyscallId& syscall, std::span<const InvokeArgument> arguments) {
  if (arguments.size() > 6) throw UsageError("a syscall takes at most six arguments");
  Process& process = *thread.process;
  const Process::Busy busy(process);
  const std::int64_t number = resolve(arch::native_abi(process.arch()), syscall);
  Remote remote(thread);
  const std::int64_t result = invoke_in(remote, thread, number, arguments);
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

void unmap_scratch(Remote& remote) {
  RemoteMemory& memory = remote.process().remote_memory();
  auto mappings = std::exchange(memory.outgrown, {});
  if (memory.scratch != 0) mappings.push_back({memory.scratch, memory.scratch_size});
  // Before anything is executed: other threads' callbacks may need some meanwhile.
  memory.scratch = memory.scratch_size = 0;
  for (const auto& [start, size] : mappings) unmap_memory(remote, start, size);
}

void remove_mappings(ThreadState& thread) {
  RemoteMemory& memory = thread.process->remote_memory();
  if (!memory.mapped()) return;
  Remote remote(thread);
  if (memory.scratch_used == 0) unmap_scratch(remote);
  for (Address* const at : {&memory.batch_stub, &memory.return_page}) {
    if (*at != 0) unmap_memory(remote, std::exchange(*at, 0), page);
  }
}

}  // namespace trapline::core
