#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "measure.hpp"

/// The floors: what a C program with nothing but the kernel's requests does for the same events. Each has tracees of
/// its own, on the calling thread.
namespace trapline::bench::floors {

/// What a tracer does about each getppid, besides asking which syscall it is.
enum class Deed { none, change_result, skip };

/// PTRACE_SYSCALL and waitpid, with PTRACE_GET_SYSCALL_INFO at each stop; one event is a syscall, with both its stops.
[[nodiscard]] Batch syscalls(std::size_t threads, std::size_t events, Deed deed);
/// The same in a crowd, as the tracee of that name says; of those that sleep it waits for the one that does not.
[[nodiscard]] Batch crowd(const std::string& kind, std::size_t count, std::size_t events);
/// The same by a seccomp filter: PTRACE_CONT and the filter's stop, which PTRACE_GET_SYSCALL_INFO tells of; and then
/// PTRACE_SYSCALL to the exit's, if somebody wants it.
enum class FilterStops { none, enter, enter_exit };
[[nodiscard]] Batch filtered_syscalls(std::size_t events, FilterStops stops, Deed deed);
/// Registers in, one step over a syscall instruction that the program has, the result, registers back.
[[nodiscard]] Batch invocations(std::size_t events);
/// So many getppid in one stop, by code in a page of the tracee's that goes through a table of numbers and arguments:
/// table and registers in, PTRACE_CONT to a trap, results out, registers back. One event is a call.
[[nodiscard]] Batch batched_invocations(std::size_t events, std::size_t calls);

enum class Until { exec, entry };
/// clone(CLONE_VM | CLONE_VFORK), exec, and on to there; then SIGKILL and the funeral.
[[nodiscard]] Batch spawns(std::size_t events, Until until);

/// PTRACE_SEIZE, PTRACE_INTERRUPT, waitpid and PTRACE_DETACH.
[[nodiscard]] Batch attaches(std::size_t events, pid_t pid);

[[nodiscard]] Batch steps(std::size_t events);
/// Looking at the pc after each, on another instruction than which something is to end.
[[nodiscard]] Batch steps_until(std::size_t events);
/// The same, each asked for by another thread through a futex.
[[nodiscard]] Batch steps_by_hand_over(std::size_t events);
/// To another thread and back through a futex, with nothing to do there.
[[nodiscard]] Batch hand_overs(std::size_t events);

/// The frames of the tracee `deep` by libdwfl, with the functions' names and perhaps the source lines, as eu-stack
/// finds them.
[[nodiscard]] Batch backtraces(std::size_t events, bool lines);

/// Where the trap of the tracee `traps` is, and the trap at the end of a batch.
struct TrapPlace {
  std::string function;
  std::uint64_t trap = 0;
  /// Where the trapped instruction's work is done elsewhere, or what follows it when it has none.
  std::uint64_t trap_rest = 0;
  std::uint64_t end = 0;
  std::uint64_t end_rest = 0;
};
enum class Means { instruction, debug_register, watch };
/// waitpid, with PTRACE_GETREGS when the registers are wanted, PTRACE_POKEUSER of the pc to leave a trap instruction,
/// PTRACE_CONT.
[[nodiscard]] Batch hits(std::size_t events, const TrapPlace& place, Means means, bool registers);
/// Registers out and in, vector registers too, the return address onto the stack, PTRACE_CONT to a trap there, the
/// result, and all registers back.
[[nodiscard]] Batch function_calls(std::size_t events, std::uint64_t function, std::uint64_t return_to);
/// pread and pwrite of one byte each.
[[nodiscard]] Batch placings(std::size_t events, std::uint64_t first, std::size_t distance);

/// pread on /proc/PID/mem or process_vm_readv, whichever is faster for that size.
[[nodiscard]] Batch reads(std::size_t events, pid_t pid, std::uint64_t address, std::size_t size);
/// One process_vm_readv for so many pieces of 8 bytes, `distance` bytes apart. One event is a piece.
[[nodiscard]] Batch scattered_reads(std::size_t events, pid_t pid, std::uint64_t address, std::size_t pieces,
                                    std::size_t distance);
/// process_vm_readv in pieces of 256 KiB, each looked through with AVX2 for the first and last byte of what is at the
/// end.
[[nodiscard]] Batch searches(pid_t pid, std::uint64_t address, std::size_t size, std::string needle);

enum class Lookup {
  /// Reads the symbol table of the file and compares each name.
  first,
  /// Reads /proc/PID/maps and looks into a hash table that is there.
  next
};
[[nodiscard]] Batch symbols(std::size_t events, pid_t pid, const std::string& file, const std::string& name,
                            Lookup lookup);

}  // namespace trapline::bench::floors
