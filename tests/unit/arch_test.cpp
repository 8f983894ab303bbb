#include "arch/arch.hpp"

#include <gtest/gtest.h>

#include <trapline/syscall_id.hpp>

#include <elf.h>
#include <linux/audit.h>
#include <sys/user.h>

#include <cstring>

#include "arch/syscall_table.hpp"

namespace trapline::arch {
namespace {

constexpr std::array all_arches{Arch::amd64, Arch::i386, Arch::aarch64};

ByteView bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(ArchInfo, tables_are_in_the_order_of_the_enum) {
  for (const Arch arch : all_arches) EXPECT_EQ(info(arch).arch, arch);
}

TEST(ArchInfo, abi_of_an_audit_arch) {
  EXPECT_EQ(abi_from_audit_arch(AUDIT_ARCH_X86_64), Abi::amd64);
  EXPECT_EQ(abi_from_audit_arch(AUDIT_ARCH_I386), Abi::i386);
  EXPECT_EQ(abi_from_audit_arch(AUDIT_ARCH_AARCH64), Abi::aarch64);
  EXPECT_EQ(abi_from_audit_arch(AUDIT_ARCH_ARM), std::nullopt);
  EXPECT_EQ(abi_from_audit_arch(0), std::nullopt);
}

TEST(ArchInfo, arch_of_an_elf_machine) {
  EXPECT_EQ(arch_of_machine(EM_X86_64), Arch::amd64);
  EXPECT_EQ(arch_of_machine(EM_386), Arch::i386);
  EXPECT_EQ(arch_of_machine(EM_AARCH64), Arch::aarch64);
  EXPECT_EQ(arch_of_machine(EM_RISCV), std::nullopt);
  EXPECT_EQ(arch_of_machine(0), std::nullopt);
}

TEST(ArchInfo, arch_of_a_general_set) {
  for (const Arch arch : all_arches) EXPECT_EQ(arch_of_general_set(info(arch).general_size), arch);
  EXPECT_EQ(arch_of_general_set(100), std::nullopt);
}

TEST(ArchInfo, affinity_calls_are_those_of_the_tables) {
  for (const Abi abi : {Abi::amd64, Abi::i386, Abi::aarch64}) {
    EXPECT_EQ(affinity_calls(abi).set, syscall_number(abi, "sched_setaffinity"));
    EXPECT_EQ(affinity_calls(abi).get, syscall_number(abi, "sched_getaffinity"));
  }
}

TEST(ArchInfo, native_abi) {
  EXPECT_EQ(native_abi(Arch::amd64), Abi::amd64);
  EXPECT_EQ(native_abi(Arch::i386), Abi::i386);
  EXPECT_EQ(native_abi(Arch::aarch64), Abi::aarch64);
}

TEST(ArchInfo, restart_syscall_has_that_number) {
  for (const Arch arch : all_arches) {
    EXPECT_EQ(find_syscall(native_abi(arch), "restart_syscall")->number, info(arch).restart_syscall);
  }
}

TEST(ArchInfo, syscall_instructions) {
  EXPECT_TRUE(is_syscall_instruction(Arch::amd64, bytes("\x0f\x05")));
  EXPECT_TRUE(is_syscall_instruction(Arch::amd64, bytes("\x0f\x05\x90")));
  EXPECT_TRUE(is_syscall_instruction(Arch::amd64, bytes("\xcd\x80")));
  EXPECT_FALSE(is_syscall_instruction(Arch::amd64, bytes("\x0f")));
  EXPECT_FALSE(is_syscall_instruction(Arch::amd64, {}));
  EXPECT_FALSE(is_syscall_instruction(Arch::amd64, bytes("\xcd\x81")));
  EXPECT_TRUE(is_syscall_instruction(Arch::i386, bytes("\xcd\x80")));
  EXPECT_TRUE(is_syscall_instruction(Arch::i386, bytes("\x0f\x34")));
  EXPECT_FALSE(is_syscall_instruction(Arch::i386, bytes("\x0f\x05")));
  EXPECT_TRUE(is_syscall_instruction(Arch::aarch64, bytes(std::string_view("\x01\0\0\xd4", 4))));
  EXPECT_FALSE(is_syscall_instruction(Arch::aarch64, bytes("\x0f\x05\x0f\x05")));
  for (const Arch arch : all_arches) {
    EXPECT_TRUE(is_syscall_instruction(arch, info(arch).syscall_instruction));
    EXPECT_EQ(syscall_instruction_size(native_abi(arch)), info(arch).syscall_instruction.size());
    EXPECT_FALSE(is_syscall_instruction(arch, info(arch).trap_instruction));
  }
}

#if defined(__x86_64__)
std::size_t word_of(std::size_t offset) { return offset / 8; }

TEST(SyscallRegs, of_amd64_are_words_of_user_regs) {
  EXPECT_EQ(info(Arch::amd64).general_size, sizeof(user_regs_struct));
  const SyscallRegs& regs = syscall_regs(Arch::amd64, Abi::amd64);
  EXPECT_EQ(regs.number_at_stop, word_of(offsetof(user_regs_struct, orig_rax)));
  EXPECT_EQ(regs.number_before, word_of(offsetof(user_regs_struct, rax)));
  EXPECT_EQ(regs.result, word_of(offsetof(user_regs_struct, rax)));
  EXPECT_EQ(regs.pc, word_of(offsetof(user_regs_struct, rip)));
  EXPECT_EQ(regs.sp, word_of(offsetof(user_regs_struct, rsp)));
  EXPECT_EQ(regs.flags, word_of(offsetof(user_regs_struct, eflags)));
  const std::array<std::size_t, 6> args{
      word_of(offsetof(user_regs_struct, rdi)), word_of(offsetof(user_regs_struct, rsi)),
      word_of(offsetof(user_regs_struct, rdx)), word_of(offsetof(user_regs_struct, r10)),
      word_of(offsetof(user_regs_struct, r8)),  word_of(offsetof(user_regs_struct, r9))};
  EXPECT_EQ(regs.args, args);
  EXPECT_EQ(info(Arch::amd64).pc, regs.pc);
  EXPECT_EQ(info(Arch::amd64).sp, regs.sp);
}

TEST(SyscallRegs, of_int_0x80_in_a_64_bit_program) {
  const SyscallRegs& regs = syscall_regs(Arch::amd64, Abi::i386);
  const std::array<std::size_t, 6> args{
      word_of(offsetof(user_regs_struct, rbx)), word_of(offsetof(user_regs_struct, rcx)),
      word_of(offsetof(user_regs_struct, rdx)), word_of(offsetof(user_regs_struct, rsi)),
      word_of(offsetof(user_regs_struct, rdi)), word_of(offsetof(user_regs_struct, rbp))};
  EXPECT_EQ(regs.args, args);
  EXPECT_EQ(regs.number_at_stop, word_of(offsetof(user_regs_struct, orig_rax)));
}
#endif

TEST(SyscallRegs, of_i386) {
  // ebx ecx edx esi edi ebp eax ds es fs gs orig_eax eip cs eflags esp ss (the kernel's user_regs_struct32).
  const SyscallRegs& regs = syscall_regs(Arch::i386, Abi::i386);
  EXPECT_EQ(regs.args, (std::array<std::size_t, 6>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(regs.result, 6U);
  EXPECT_EQ(regs.number_at_stop, 11U);
  EXPECT_EQ(info(Arch::i386).pc, 12U);
  EXPECT_EQ(info(Arch::i386).sp, 15U);
}

}  // namespace
}  // namespace trapline::arch
