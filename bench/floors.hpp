#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "measure.hpp"

/// The floors: what a C program with nothing but the kernel's requests does for the same events. Each has tracees of
/// its own, on the calling thread.
namespace trapline::bench::floors {

/// What a tracer does about each getppid, besides asking which syscall it is.
enum class Deed { none, change_result, skip };

/// PTRACE_SYSCALL and waitpid, with PTRACE_GET_SYSCALL_INFO at each stop; one event is a syscall, with both its stops.
[[nodiscard]] Batch syscalls(std::size_t threads, std::size_t events, Deed deed);
/// Registers in, one step over a syscall instruction that the program has, the result, registers back.
[[nodiscard]] Batch invocations(std::size_t events);

enum class Until { exec, entry };
/// clone(CLONE_VM | CLONE_VFORK), exec, and on to there; then SIGKILL and the funeral.
[[nodiscard]] Batch spawns(std::size_t events, Until until);

[[nodiscard]] Batch steps(std::size_t events);
/// The same, each asked for by another thread through a futex.
[[nodiscard]] Batch steps_by_hand_over(std::size_t events);
/// To another thread and back through a futex, with nothing to do there.
[[nodiscard]] Batch hand_overs(std::size_t events);

/// pread on /proc/PID/mem or process_vm_readv, whichever is faster for that size.
[[nodiscard]] Batch reads(std::size_t events, pid_t pid, std::uint64_t address, std::size_t size);

}  // namespace trapline::bench::floors
