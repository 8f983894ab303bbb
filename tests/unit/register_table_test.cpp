#include "arch/register_table.hpp"

#include <gtest/gtest.h>

#include <sys/user.h>

#include <array>
#include <set>
#include <string>

#include "arch/arch.hpp"

namespace trapline::arch {
namespace {

constexpr std::array all_arches{Arch::amd64, Arch::i386, Arch::aarch64};

TEST(RegisterTable, every_row_is_found_by_name) {
  for (const Arch arch : all_arches) {
    EXPECT_GT(registers(arch).size(), 60U);
    for (const RegisterRow& row : registers(arch)) {
      EXPECT_EQ(row.arch, arch);
      EXPECT_EQ(find_register(arch, row.name), &row) << row.name;
    }
  }
}

TEST(RegisterTable, names_are_unique_in_an_architecture) {
  for (const Arch arch : all_arches) {
    std::set<std::string_view> names;
    for (const RegisterRow& row : registers(arch)) EXPECT_TRUE(names.insert(row.name).second) << row.name;
  }
}

TEST(RegisterTable, what_is_none_is_not_found) {
  for (const char* name : {"", "RAX", "rax ", "r16", "xmm32", "x0", "zz"})
    EXPECT_EQ(find_register(Arch::amd64, name), nullptr) << name;
  for (const char* name : {"rax", "r8", "xmm8", "fs_base", "sil"})
    EXPECT_EQ(find_register(Arch::i386, name), nullptr) << name;
  for (const char* name : {"rax", "eax", "x31", "w31"}) EXPECT_EQ(find_register(Arch::aarch64, name), nullptr) << name;
}

TEST(RegisterTable, general_registers_lie_in_their_set) {
  for (const Arch arch : all_arches) {
    const ArchInfo& facts = info(arch);
    for (const RegisterRow& row : registers(arch)) {
      if (row.set != RegisterSet::general) continue;
      EXPECT_LE(row.offset + row.size, facts.general_size) << row.name;
      EXPECT_NE(row.kind, RegisterKind::vector) << row.name;
      if (row.kind == RegisterKind::word) {
        EXPECT_EQ(row.size, facts.word_size) << row.name;
        EXPECT_EQ(row.offset % facts.word_size, 0U) << row.name;
      } else {
        EXPECT_LT(row.size, facts.word_size) << row.name;
      }
      if (row.kind == RegisterKind::zeroing) {
        EXPECT_EQ(row.offset % facts.word_size, 0U) << row.name;
      }
    }
  }
}

TEST(RegisterTable, words_cover_the_whole_general_set) {
  for (const Arch arch : all_arches) {
    std::set<std::size_t> offsets;
    for (const RegisterRow& row : registers(arch)) {
      if (row.set == RegisterSet::general && row.kind == RegisterKind::word) offsets.insert(row.offset);
    }
    EXPECT_EQ(offsets.size() * info(arch).word_size, info(arch).general_size);
  }
}

TEST(RegisterTable, vector_registers_do_not_overlap_their_neighbours) {
  for (const Arch arch : {Arch::amd64, Arch::i386}) {
    for (const RegisterRow& a : registers(arch)) {
      if (a.set != RegisterSet::legacy) continue;
      EXPECT_LE(a.offset + a.size, 416U) << a.name << " lies in the FXSAVE image";
      for (const RegisterRow& b : registers(arch)) {
        if (b.set != RegisterSet::legacy || a.offset == b.offset) continue;
        EXPECT_TRUE(a.offset + a.size <= b.offset || b.offset + b.size <= a.offset) << a.name << " and " << b.name;
      }
    }
  }
}

TEST(RegisterTable, pc_and_sp_are_those_of_the_architecture) {
  EXPECT_EQ(find_register(Arch::amd64, "rip")->offset, info(Arch::amd64).pc * 8);
  EXPECT_EQ(find_register(Arch::amd64, "rsp")->offset, info(Arch::amd64).sp * 8);
  EXPECT_EQ(find_register(Arch::i386, "eip")->offset, info(Arch::i386).pc * 4);
  EXPECT_EQ(find_register(Arch::i386, "esp")->offset, info(Arch::i386).sp * 4);
  EXPECT_EQ(find_register(Arch::aarch64, "pc")->offset, info(Arch::aarch64).pc * 8);
  EXPECT_EQ(find_register(Arch::aarch64, "sp")->offset, info(Arch::aarch64).sp * 8);
}

#if defined(__x86_64__)
#define EXPECT_AT(name, field) EXPECT_EQ(find_register(Arch::amd64, name)->offset, offsetof(user_regs_struct, field))

TEST(RegisterTable, amd64_is_user_regs_struct) {
  EXPECT_AT("rax", rax);
  EXPECT_AT("rbx", rbx);
  EXPECT_AT("rcx", rcx);
  EXPECT_AT("rdx", rdx);
  EXPECT_AT("rsi", rsi);
  EXPECT_AT("rdi", rdi);
  EXPECT_AT("rbp", rbp);
  EXPECT_AT("rsp", rsp);
  EXPECT_AT("r8", r8);
  EXPECT_AT("r9", r9);
  EXPECT_AT("r10", r10);
  EXPECT_AT("r11", r11);
  EXPECT_AT("r12", r12);
  EXPECT_AT("r13", r13);
  EXPECT_AT("r14", r14);
  EXPECT_AT("r15", r15);
  EXPECT_AT("rip", rip);
  EXPECT_AT("rflags", eflags);
  EXPECT_AT("eflags", eflags);
  EXPECT_AT("orig_rax", orig_rax);
  EXPECT_AT("cs", cs);
  EXPECT_AT("ss", ss);
  EXPECT_AT("ds", ds);
  EXPECT_AT("es", es);
  EXPECT_AT("fs", fs);
  EXPECT_AT("gs", gs);
  EXPECT_AT("fs_base", fs_base);
  EXPECT_AT("gs_base", gs_base);
}

TEST(RegisterTable, legacy_is_user_fpregs_struct) {
  const auto offset = [](const char* name) { return find_register(Arch::amd64, name)->offset; };
  EXPECT_EQ(offset("fcw"), offsetof(user_fpregs_struct, cwd));
  EXPECT_EQ(offset("fsw"), offsetof(user_fpregs_struct, swd));
  EXPECT_EQ(offset("ftw"), offsetof(user_fpregs_struct, ftw));
  EXPECT_EQ(offset("fop"), offsetof(user_fpregs_struct, fop));
  EXPECT_EQ(offset("mxcsr"), offsetof(user_fpregs_struct, mxcsr));
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(offset(("st" + std::to_string(i)).c_str()), offsetof(user_fpregs_struct, st_space) + 16 * i);
    EXPECT_EQ(offset(("mm" + std::to_string(i)).c_str()), offsetof(user_fpregs_struct, st_space) + 16 * i);
  }
  for (std::size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(offset(("xmm" + std::to_string(i)).c_str()), offsetof(user_fpregs_struct, xmm_space) + 16 * i);
  }
}
#endif

TEST(RegisterTable, parts_lie_in_their_registers) {
  const auto offset = [](const std::string& name) { return find_register(Arch::amd64, name)->offset; };
  for (const std::string letter : {"a", "b", "c", "d"}) {
    const std::size_t whole = offset("r" + letter + "x");
    EXPECT_EQ(offset("e" + letter + "x"), whole);
    EXPECT_EQ(offset(letter + "x"), whole);
    EXPECT_EQ(offset(letter + "l"), whole);
    EXPECT_EQ(offset(letter + "h"), whole + 1);
  }
  for (const std::string name : {"si", "di", "bp", "sp"}) {
    for (const std::string& part : {"e" + name, name, name + "l"}) EXPECT_EQ(offset(part), offset("r" + name)) << part;
  }
  for (int i = 8; i < 16; ++i) {
    const std::string name = "r" + std::to_string(i);
    for (const char* suffix : {"d", "w", "b"}) EXPECT_EQ(offset(name + suffix), offset(name)) << name << suffix;
  }
}

}  // namespace
}  // namespace trapline::arch
