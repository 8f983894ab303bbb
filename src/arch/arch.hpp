#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <trapline/types.hpp>

namespace trapline::arch {

/// Where a syscall's number, arguments and result live: indices of words in the general register set (NT_PRSTATUS).
struct SyscallRegs {
  /// What a syscall stop shows and takes the number from; on x86 not the register that the program wrote.
  std::size_t number_at_stop;
  /// The register that a syscall instruction reads the number from.
  std::size_t number_before;
  std::size_t result;
  std::array<std::size_t, 6> args;
  std::size_t pc;
  std::size_t sp;
  std::size_t flags;
};

/// What one instruction set is like, as data for one algorithm.
struct ArchInfo {
  Arch arch;
  Abi abi;
  /// e_machine of its programs (elf.h).
  std::uint16_t elf_machine;
  /// The size of the general set, which tells 32-bit tracees from 64-bit ones.
  std::size_t general_size;
  std::size_t word_size;
  std::size_t pc;
  std::size_t sp;
  /// The words of the general set by their DWARF register numbers, the pc last; empty where frames are not unwound.
  std::span<const std::size_t> dwarf_registers;
  std::span<const std::byte> syscall_instruction;
  std::span<const std::byte> trap_instruction;
  /// How far past a trap instruction the pc stands when it was hit.
  std::size_t pc_after_trap;
  /// si_code of the SIGTRAP that it raises (sigaction(2)).
  int trap_signal_code;
  /// Bytes below the stack pointer that belong to the running function (the psABI's red zone).
  std::size_t red_zone;
  std::size_t stack_alignment;
  /// restart_syscall, as which the kernel re-enters some interrupted calls.
  std::int64_t restart_syscall;
};

[[nodiscard]] const ArchInfo& info(Arch arch);
/// For a call made through `abi` by a tracee of `arch`: `int 0x80` in a 64-bit program uses the i386 table and 64-bit
/// words.
[[nodiscard]] const SyscallRegs& syscall_regs(Arch arch, Abi abi);
[[nodiscard]] Abi native_abi(Arch arch);

/// AUDIT_ARCH_* (linux/audit.h), as syscall stops tell it.
[[nodiscard]] std::optional<Abi> abi_from_audit_arch(std::uint32_t audit_arch);
[[nodiscard]] std::uint32_t audit_arch(Abi abi);
/// The numbers of calls that a seccomp filter of ours has to know of.
struct FilterCalls {
  /// May put filters into a thread.
  std::int64_t prctl;
  std::int64_t seccomp;
  /// May make children that no tracer is told of.
  std::int64_t clone;
  std::int64_t clone3;
};
[[nodiscard]] FilterCalls filter_calls(Abi abi);
/// Whether it lies in the page in which the kernel pretends to make some calls, which are none for a tracer.
[[nodiscard]] bool in_vsyscall_page(std::uint64_t pc);
/// sched_setaffinity and sched_getaffinity.
struct AffinityCalls {
  std::int64_t set;
  std::int64_t get;
};
[[nodiscard]] AffinityCalls affinity_calls(Abi abi);
[[nodiscard]] std::optional<Arch> arch_of_machine(std::uint16_t elf_machine);
[[nodiscard]] std::optional<Arch> arch_of_general_set(std::size_t size);

[[nodiscard]] std::size_t syscall_instruction_size(Abi abi);
/// Whether the bytes begin with an instruction that enters the kernel.
[[nodiscard]] bool is_syscall_instruction(Arch arch, std::span<const std::byte> bytes);

}  // namespace trapline::arch
