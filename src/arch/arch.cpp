#include "arch/arch.hpp"

#include <algorithm>

namespace trapline::arch {
namespace {

constexpr std::byte operator""_b(unsigned long long value) { return static_cast<std::byte>(value); }

constexpr std::array syscall_amd64{0x0f_b, 0x05_b};
constexpr std::array int_0x80{0xcd_b, 0x80_b};
constexpr std::array sysenter{0x0f_b, 0x34_b};
constexpr std::array svc_0{0x01_b, 0x00_b, 0x00_b, 0xd4_b};
constexpr std::array int3{0xcc_b};
constexpr std::array brk_0{0x00_b, 0x00_b, 0x20_b, 0xd4_b};

// An int3 raises SIGTRAP with SI_KERNEL, a brk with TRAP_BRKPT.
// The psABIs' tables: rax rdx rcx rbx rsi rdi rbp rsp r8 to r15 rip, and eax ecx edx ebx esp ebp esi edi eip.
constexpr std::array<std::size_t, 17> dwarf_amd64{10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16};
constexpr std::array<std::size_t, 9> dwarf_i386{6, 1, 2, 0, 15, 5, 3, 4, 12};
// Machine numbers are elf.h's; set sizes those of struct user_regs_struct and of the kernel's 32-bit and AArch64 ones.
constexpr ArchInfo amd64{.arch = Arch::amd64,
                         .abi = Abi::amd64,
                         .elf_machine = 62,
                         .general_size = 27 * 8,
                         .word_size = 8,
                         .pc = 16,
                         .sp = 19,
                         .dwarf_registers = dwarf_amd64,
                         .syscall_instruction = syscall_amd64,
                         .trap_instruction = int3,
                         .pc_after_trap = 1,
                         .trap_signal_code = 0x80,
                         .red_zone = 128,
                         .stack_alignment = 16,
                         .restart_syscall = 219};
constexpr ArchInfo i386{.arch = Arch::i386,
                        .abi = Abi::i386,
                        .elf_machine = 3,
                        .general_size = 17 * 4,
                        .word_size = 4,
                        .pc = 12,
                        .sp = 15,
                        .dwarf_registers = dwarf_i386,
                        .syscall_instruction = int_0x80,
                        .trap_instruction = int3,
                        .pc_after_trap = 1,
                        .trap_signal_code = 0x80,
                        .red_zone = 0,
                        .stack_alignment = 16,
                        .restart_syscall = 0};
constexpr ArchInfo aarch64{.arch = Arch::aarch64,
                           .abi = Abi::aarch64,
                           .elf_machine = 183,
                           .general_size = 34 * 8,
                           .word_size = 8,
                           .pc = 32,
                           .sp = 31,
                           .dwarf_registers = {},
                           .syscall_instruction = svc_0,
                           .trap_instruction = brk_0,
                           .pc_after_trap = 0,
                           .trap_signal_code = 1,
                           .red_zone = 0,
                           .stack_alignment = 16,
                           .restart_syscall = 128};

// syscall(2), "Architecture calling conventions": rdi rsi rdx r10 r8 r9, and ebx ecx edx esi edi ebp.
constexpr SyscallRegs amd64_native{15, 10, 10, {14, 13, 12, 7, 9, 8}, 16, 19, 18};
constexpr SyscallRegs amd64_int_0x80{15, 10, 10, {5, 11, 12, 13, 14, 4}, 16, 19, 18};
constexpr SyscallRegs i386_native{11, 6, 6, {0, 1, 2, 3, 4, 5}, 12, 15, 14};
// The number at a stop is a register set of its own there (NT_ARM_SYSTEM_CALL); x8 stands in for it here.
constexpr SyscallRegs aarch64_native{8, 8, 0, {0, 1, 2, 3, 4, 5}, 32, 31, 33};

constexpr std::array all{&amd64, &i386, &aarch64};

bool begins_with(std::span<const std::byte> bytes, std::span<const std::byte> instruction) {
  return bytes.size() >= instruction.size() && std::ranges::equal(bytes.first(instruction.size()), instruction);
}

}  // namespace

const ArchInfo& info(Arch arch) { return *all[static_cast<std::size_t>(arch)]; }

const SyscallRegs& syscall_regs(Arch arch, Abi abi) {
  switch (arch) {
    case Arch::amd64: return abi == Abi::i386 ? amd64_int_0x80 : amd64_native;
    case Arch::i386: return i386_native;
    case Arch::aarch64: break;
  }
  return aarch64_native;
}

Abi native_abi(Arch arch) { return info(arch).abi; }

std::uint32_t audit_arch(Abi abi) {
  switch (abi) {
    case Abi::amd64: return 0xC000003E;
    case Abi::i386: return 0x40000003;
    case Abi::aarch64: break;
  }
  return 0xC00000B7;
}

std::optional<Abi> abi_from_audit_arch(std::uint32_t number) {
  for (const Abi abi : {Abi::amd64, Abi::i386, Abi::aarch64}) {
    if (audit_arch(abi) == number) return abi;
  }
  return std::nullopt;
}

FilterCalls filter_calls(Abi abi) {
  switch (abi) {
    case Abi::amd64: return {.prctl = 157, .seccomp = 317, .clone = 56, .clone3 = 435};
    case Abi::i386: return {.prctl = 172, .seccomp = 354, .clone = 120, .clone3 = 435};
    case Abi::aarch64: break;
  }
  return {.prctl = 167, .seccomp = 277, .clone = 220, .clone3 = 435};
}

bool in_vsyscall_page(std::uint64_t pc) {
  constexpr std::uint64_t page = 0xffff'ffff'ff60'0000;
  return pc >= page && pc < page + 4096;
}

AffinityCalls affinity_calls(Abi abi) {
  switch (abi) {
    case Abi::amd64: return {.set = 203, .get = 204};
    case Abi::i386: return {.set = 241, .get = 242};
    case Abi::aarch64: break;
  }
  return {.set = 122, .get = 123};
}

std::optional<Arch> arch_of_machine(std::uint16_t elf_machine) {
  for (const ArchInfo* one : all) {
    if (one->elf_machine == elf_machine) return one->arch;
  }
  return std::nullopt;
}

std::optional<Arch> arch_of_general_set(std::size_t size) {
  for (const ArchInfo* one : all) {
    if (one->general_size == size) return one->arch;
  }
  return std::nullopt;
}

std::size_t syscall_instruction_size(Abi abi) { return abi == Abi::aarch64 ? svc_0.size() : int_0x80.size(); }

bool is_syscall_instruction(Arch arch, std::span<const std::byte> bytes) {
  switch (arch) {
    case Arch::amd64: return begins_with(bytes, syscall_amd64) || begins_with(bytes, int_0x80);
    case Arch::i386: return begins_with(bytes, int_0x80) || begins_with(bytes, sysenter);
    case Arch::aarch64: return begins_with(bytes, svc_0);
  }
  return false;
}

}  // namespace trapline::arch
