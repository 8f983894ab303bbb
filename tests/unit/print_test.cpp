#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

#include <trapline/print.hpp>

#include "arch/argument_format.hpp"
#include "arch/constants.hpp"
#include "arch/syscall_table.hpp"

namespace trapline::arch {
namespace {

namespace words = vocabulary;

std::string named(const Vocabulary& vocabulary, std::uint64_t value) {
  std::string text;
  append_constants(text, vocabulary, value);
  return text;
}

TEST(Constants, FlagsAreJoined) {
  EXPECT_EQ(named(words::protection, 3), "PROT_READ|PROT_WRITE");
  EXPECT_EQ(named(words::open_flags, 02000101), "O_WRONLY|O_CREAT|O_CLOEXEC");
}

TEST(Constants, ZeroHasItsName) {
  EXPECT_EQ(named(words::protection, 0), "PROT_NONE");
  EXPECT_EQ(named(words::access_mode, 0), "F_OK");
  EXPECT_EQ(named(words::open_flags, 0), "O_RDONLY");
  EXPECT_EQ(named(words::at_flags, 0), "0");
}

TEST(Constants, WhatHasNoNameIsANumber) {
  EXPECT_EQ(named(words::protection, 0x41), "PROT_READ|0x40");
  EXPECT_EQ(named(words::whence, 77), "0x4d");
  EXPECT_EQ(named(words::open_flags, 3), "3");
}

TEST(Constants, ANameThatHoldsAnotherOneWins) {
  EXPECT_EQ(named(words::open_flags, 04010000), "O_RDONLY|O_SYNC");
  EXPECT_EQ(named(words::open_flags, 010000), "O_RDONLY|O_DSYNC");
  EXPECT_EQ(named(words::open_flags, 020200000), "O_RDONLY|O_TMPFILE");
  EXPECT_EQ(named(words::open_flags, 0200000), "O_RDONLY|O_DIRECTORY");
}

TEST(Constants, OfAnArchitecture) {
  EXPECT_EQ(named(words::open_flags_aarch64, 040000), "O_RDONLY|O_DIRECTORY");
  EXPECT_EQ(syscall_format(Abi::aarch64, 56)->arguments[2].vocabulary, &words::open_flags_aarch64);
  EXPECT_EQ(syscall_format(Abi::amd64, 257)->arguments[2].vocabulary, &words::open_flags);
}

TEST(Constants, CloneFlagsEndInTheSignal) {
  EXPECT_EQ(named(words::clone_flags, 0x1200011), "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD");
}

TEST(SyscallFormat, IsThereForEveryCall) {
  for (const Abi abi : {Abi::amd64, Abi::i386, Abi::aarch64}) {
    for (const SyscallRow& row : syscalls(abi)) {
      const SyscallFormat* format = syscall_format(abi, row.number);
      ASSERT_NE(format, nullptr);
      EXPECT_EQ(format->name, row.name);
      EXPECT_EQ(format->count, row.param_count);
      for (const ArgumentFormat& argument : format->arguments) EXPECT_LT(argument.other, 6);
    }
  }
  EXPECT_EQ(syscall_format(Abi::amd64, 100000), nullptr);
}

TEST(SyscallFormat, LeavesOutWhatACallDoesNotHave) {
  const auto used = [](std::string_view name, std::array<std::uint64_t, 6> args) {
    return syscall_format(Abi::amd64, find_syscall(Abi::amd64, name)->number)->used(args);
  };
  EXPECT_EQ(used("openat", {0, 0, 0}), 3U);
  EXPECT_EQ(used("openat", {0, 0, 0100}), 4U);
  EXPECT_EQ(used("open", {0, 020200000}), 3U);
  EXPECT_EQ(used("futex", {0, 129}), 3U);
  EXPECT_EQ(used("fcntl", {0, 3}), 2U);
  EXPECT_EQ(used("fcntl", {0, 4}), 3U);
}

TEST(SignalCodes, DependOnTheSignal) {
  EXPECT_EQ(signal_code_name(SIGSEGV, 1), "SEGV_MAPERR");
  EXPECT_EQ(signal_code_name(SIGCHLD, 1), "CLD_EXITED");
  EXPECT_EQ(signal_code_name(SIGUSR1, 0), "SI_USER");
  EXPECT_EQ(signal_code_name(SIGUSR1, 12345), "");
}

}  // namespace
}  // namespace trapline::arch

namespace trapline {
namespace {

TEST(Print, Results) {
  const auto result = [](std::int64_t value) {
    std::string text;
    append_result(text, value);
    return text;
  };
  EXPECT_EQ(result(7), "7");
  EXPECT_EQ(result(-ENOENT), "-1 ENOENT (No such file or directory)");
  EXPECT_EQ(result(-4000), "-1 (errno 4000)");
  EXPECT_EQ(result(-5000), "-5000");
}

TEST(Print, QuotedBytes) {
  const auto quoted = [](std::string_view bytes, std::size_t limit) {
    std::string text;
    append_quoted(text, bytes, limit);
    return text;
  };
  EXPECT_EQ(quoted("plain", 10), "\"plain\"");
  EXPECT_EQ(quoted("plain", 3), "\"pla\"...");
  EXPECT_EQ(quoted("a\"\n\033", 10), "\"a\\\"\\n\\33\"");
}

TEST(Print, Signals) {
  std::string text;
  append_signal(text, {.signal = SIGSEGV, .code = 1, .address = 0x10});
  EXPECT_EQ(text, "SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x10}");
  text.clear();
  append_signal(text, {.signal = SIGUSR1, .code = SI_USER, .sender = 7});
  EXPECT_EQ(text, "SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=7}");
}

TEST(Print, Ends) {
  std::string text;
  append_end(text, 3 << 8);
  append_end(text, SIGSEGV);
  EXPECT_EQ(text, "exited with 3killed by SIGSEGV");
}

}  // namespace
}  // namespace trapline
