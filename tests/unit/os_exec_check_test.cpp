#include "os/exec_check.hpp"

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include <trapline/error.hpp>

namespace trapline::os {
namespace {

namespace fs = std::filesystem;

class ExecCheck : public testing::Test {
 protected:
  ExecCheck() {
    std::string pattern = (fs::temp_directory_path() / "exec_check_XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~ExecCheck() override { fs::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& contents, unsigned mode = 0755) const {
    const fs::path path = directory_ / name;
    std::ofstream(path, std::ios::binary) << contents;
    fs::permissions(path, static_cast<fs::perms>(mode));
    return path.string();
  }
  static std::string own_program() {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// A minimal ELF header of this machine's kind, changed.
  static std::string header(const std::function<void(Elf64_Ehdr&)>& change) {
    Elf64_Ehdr elf{};
    std::memcpy(elf.e_ident, own_program().data(), EI_NIDENT);
    elf.e_type = ET_EXEC;
    elf.e_machine = EM_X86_64;
    elf.e_version = 1;
    elf.e_ehsize = sizeof elf;
    change(elf);
    return {reinterpret_cast<const char*>(&elf), sizeof elf};
  }

  fs::path directory_;
};

void expect_error(const std::function<void()>& call, int error, const std::string& text) {
  try {
    call();
    ADD_FAILURE() << "nothing thrown, expected: " << text;
  } catch (const OsError& thrown) {
    EXPECT_EQ(thrown.code().value(), error) << thrown.what();
    EXPECT_NE(std::string(thrown.what()).find(text), std::string::npos) << thrown.what();
  }
}

void expect_refused(const std::string& path, int error, const std::string& text) {
  expect_error([&] { check_executable(path); }, error, text);
}

TEST_F(ExecCheck, WhatRuns) {
  EXPECT_NO_THROW(check_executable("/bin/sh"));
  EXPECT_NO_THROW(check_executable("/proc/self/exe"));
  EXPECT_NO_THROW(check_executable(write("script", "#! /bin/sh -e\necho\n")));
  EXPECT_NO_THROW(check_executable(write("nested", "#!" + (directory_ / "script").string() + "\n")));
  EXPECT_NO_THROW(check_executable(write("no_line_end", "#!/bin/sh")));
  write("relative", "#!/bin/sh\n");
  EXPECT_NO_THROW(check_executable("./relative", directory_));
}

TEST_F(ExecCheck, MissingAndNearNames) {
  write("vault_door", "#!/bin/sh\n");
  write("vault_doors", "#!/bin/sh\n");
  const std::string text =
      "did you mean " + (directory_ / "vault_door").string() + " or " + (directory_ / "vault_doors").string() + "?";
  expect_refused(directory_ / "vault_dor", ENOENT, "vault_dor: does not exist; " + text);
  expect_refused(directory_ / "nothing_like_it", ENOENT, "does not exist");
  expect_refused(directory_ / "vault_door" / "inside", ENOTDIR, "Not a directory");
}

TEST_F(ExecCheck, FilesThatAreNoPrograms) {
  expect_refused(directory_, EISDIR, "is a directory");
  expect_refused("/dev/null", EACCES, "is not a regular file");
  expect_refused(write("plain", "#!/bin/sh\n", 0644), EACCES, "is not executable (chmod +x ");
  expect_refused(write("empty", ""), ENOEXEC, "is empty");
  if (!fs::exists("/proc/sys/fs/binfmt_misc/status")) {
    expect_refused(write("text", "echo hello\n"), ENOEXEC,
                   "Exec format error: it is no ELF program and has no #! line");
  }
}

TEST_F(ExecCheck, BadScripts) {
  expect_refused(write("a", "#!/no/such/shell -x\n"), ENOENT, "its interpreter /no/such/shell does not exist");
  expect_refused(write("b", "#!\n"), ENOEXEC, "names no interpreter");
  expect_refused(write("c", "#!/bin/sh\r\necho\r\n"), ENOENT, "its first line ends in CR LF");
  expect_refused(write("d", "#!/etc/passwd\n"), EACCES, "its interpreter /etc/passwd cannot be executed");
  const std::string loop = (directory_ / "loop").string();
  expect_refused(write("loop", "#!" + loop + "\n"), ELOOP, "nested too deep");
}

TEST_F(ExecCheck, ForeignMachines) {
  expect_refused(write("arm", header([](auto& elf) { elf.e_machine = EM_AARCH64; })), ENOEXEC,
                 "is a program for AArch64; this machine runs x86-64 and i386");
  expect_refused(write("odd", header([](auto& elf) { elf.e_machine = 4711; })), ENOEXEC,
                 "is a program for machine 4711");
  expect_refused(write("s390", header([](auto& elf) {
                         elf.e_ident[EI_DATA] = ELFDATA2MSB;
                         elf.e_machine = static_cast<Elf64_Half>((EM_S390 << 8) | (EM_S390 >> 8));
                       })),
                 ENOEXEC, "is a program for IBM S/390");
}

TEST_F(ExecCheck, ElfFilesThatAreNoPrograms) {
  expect_refused(write("object", header([](auto& elf) { elf.e_type = ET_REL; })), ENOEXEC, "is an object file");
  expect_refused(write("core", header([](auto& elf) { elf.e_type = ET_CORE; })), ENOEXEC, "is a core dump");
}

TEST_F(ExecCheck, TruncatedAnywhere) {
  const std::string whole = own_program();
  for (const std::size_t size :
       {std::size_t{4}, std::size_t{20}, std::size_t{63}, std::size_t{70}, std::size_t{4096}, std::size_t{20000}}) {
    expect_refused(write("cut", whole.substr(0, size)), ENOEXEC,
                   "the ELF file is truncated: it has " + std::to_string(size));
  }
}

TEST_F(ExecCheck, MissingLoaderNamesThePackage) {
  std::string whole = own_program();
  const std::string loader = read_elf_facts("/proc/self/exe")->interpreter;
  ASSERT_FALSE(loader.empty());
  const std::string missing = "/no" + loader.substr(3);
  whole.replace(whole.find(loader), loader.size(), missing);
  expect_refused(write("unloadable", whole), ENOENT, "its dynamic loader " + missing + " is missing");
}

TEST_F(ExecCheck, Facts) {
  const auto facts = read_elf_facts("/proc/self/exe");
  ASSERT_TRUE(facts);
  EXPECT_TRUE(facts->is64);
  EXPECT_TRUE(facts->dynamic());
  EXPECT_NE(facts->entry, 0U);
  EXPECT_EQ(read_elf_facts(write("text", "no")), std::nullopt);
}

TEST_F(ExecCheck, ProgramsOf32Bits) {
  EXPECT_FALSE(is_32_bit_program("/proc/self/exe"));
  EXPECT_FALSE(is_32_bit_program(write("text", "no")));
  EXPECT_FALSE(is_32_bit_program(directory_ / "missing"));
  write("small", header([](auto& elf) {
          elf.e_ident[EI_CLASS] = ELFCLASS32;
          elf.e_entry = 0;
          elf.e_phoff = 0;
        }));
  EXPECT_TRUE(is_32_bit_program("small", directory_));
}

TEST_F(ExecCheck, ResolvesLikeExecvp) {
  write("tool", "#!/bin/sh\n");
  fs::create_directory(directory_ / "first");
  write("first/tool", "not executable", 0644);
  fs::create_directory(directory_ / "first" / "only");
  const std::string first = (directory_ / "first").string();
  const std::string second = directory_.string();
  EXPECT_EQ(resolve_program("tool", first + ":" + second), second + "/tool");
  EXPECT_EQ(resolve_program("sh", std::nullopt), "/bin/sh");
  EXPECT_EQ(resolve_program("./tool", "/bin", directory_), "./tool");
  EXPECT_EQ(resolve_program("tool", "/bin:", directory_), "./tool");
  EXPECT_EQ(resolve_program("tool", "/bin:.", directory_), "./tool");
  EXPECT_EQ(resolve_program(second + "/tool", ""), second + "/tool");
  expect_error([&] { (void)resolve_program("tool", first); }, EACCES, "first/tool: is not executable (chmod +x");
  expect_error([&] { (void)resolve_program("only", first); }, EISDIR, "is a directory");
  expect_error([&] { (void)resolve_program("toool", second); }, ENOENT, "did you mean tool?");
  expect_error([&] { (void)resolve_program("tool", "/bin", directory_); }, ENOENT, "did you mean ./tool?");
  expect_error([&] { (void)resolve_program("", "/bin"); }, ENOENT, "empty");
  EXPECT_EQ(resolve_program("~/tool", "/bin"), "~/tool");
}

}  // namespace
}  // namespace trapline::os
