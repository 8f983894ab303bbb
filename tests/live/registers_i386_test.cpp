#include "support.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace trapline::live {
namespace {

/// A 32-bit program.
class I386 : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    if (::access(tracee("bits32").c_str(), X_OK) != 0) GTEST_SKIP() << "this toolchain builds no 32-bit programs";
    Debugger d(program("bits32"));
    try {
      d.run(no_stdio());
    } catch (const OsError& error) {
      ASSERT_EQ(error.code().value(), ENOEXEC) << error.what();
      ASSERT_NE(std::string(error.what()).find("runs no 32-bit"), std::string::npos) << error.what();
      GTEST_SKIP() << "no 32-bit programs run here: " << error.what();
    }
  }
};

TEST_F(I386, is_recognised) {
  Debugger d(program("bits32"));
  d.run(no_stdio());
  EXPECT_EQ(d.arch(), Arch::i386);
  EXPECT_EQ(d.main_thread().syscall_abi(), Abi::i386);
  EXPECT_EQ(run_out(d).exit_code, 0x22);
}

TEST_F(I386, syscalls_have_their_i386_names) {
  Transcript transcript;
  Debugger d(program("bits32"));
  d.handle_syscall("all", {.on_enter = [&](Thread& t, SyscallHandler&) {
                     EXPECT_EQ(t.syscall_abi(), Abi::i386);
                     transcript.add(std::string(syscall_name(t.syscall_abi(), t.syscall_number())));
                   }});
  EXPECT_EQ(run_to_exit(d), 0x22);
  EXPECT_EQ(transcript.text(), "getpgid|open|write|getpgid|exit");
}

TEST_F(I386, a_name_is_that_of_its_own_table) {
  Debugger d(program("bits32"));
  // 5 is open here and fstat on x86-64; 1 is exit here and write there.
  const SyscallHandler open =
      d.handle_syscall("open", {.on_enter =
                                    [](Thread& t, SyscallHandler&) {
                                      EXPECT_EQ(t.syscall_number(), 5);
                                      EXPECT_EQ(t.memory().read_string(t.syscall_arg(0)), "/there/is/none");
                                    },
                                .on_exit = [](Thread& t, SyscallHandler&) { EXPECT_EQ(t.syscall_return(), -ENOENT); }});
  const SyscallHandler fstat = d.handle_syscall("fstat", {.on_enter = [](Thread&, SyscallHandler&) {}});
  EXPECT_EQ(run_to_exit(d), 0x22);
  EXPECT_EQ(open.hit_count(), 1U);
  EXPECT_EQ(fstat.hit_count(), 0U);
}

TEST_F(I386, registers_are_read_and_written) {
  Debugger d(program("bits32"));
  d.run(no_stdio());
  to_announcement_exit(d);
  EXPECT_EQ(d.regs().ecx(), 0x22222222U);
  EXPECT_EQ(d.regs().edi(), 0x55555555U);
  EXPECT_EQ(d.regs().get("ebp"), 0x66666666U);
  EXPECT_EQ(d.regs().dx(), 0x3333U);
  EXPECT_EQ(d.regs().ah(), d.regs().eax() >> 8 & 0xff);
  EXPECT_EQ(d.regs().orig_eax(), 132U);
  EXPECT_EQ(d.regs().eip(), d.main_thread().pc());
  EXPECT_EQ(d.regs().get_bytes("xmm3"), d.memory().read(d.symbols().resolve("vector"), 16));
  d.regs().set_ecx(0xfedcba98);
  d.regs().set_dl(1);
  d.regs().set_eax(0xffffffff);
  d.regs().write_as("xmm3", std::uint64_t{7});
  EXPECT_EQ(d.regs().ecx(), 0xfedcba98U);
  to_announcement(d);
  const auto seen = [&](std::size_t index) {
    return d.memory().read_value<std::uint32_t>(d.symbols().resolve("seen") + 4 * index);
  };
  EXPECT_EQ(seen(0), 0x7e570001U);
  EXPECT_EQ(seen(1), 0xfedcba98U);
  EXPECT_EQ(seen(2), 0x33333301U);
  EXPECT_EQ(seen(3), 0x44444444U);
  EXPECT_EQ(seen(4), 0x55555555U);
  EXPECT_EQ(seen(5), 0x66666666U);
  EXPECT_EQ(seen(6), 0xffffffffU);
  EXPECT_EQ(d.memory().read_value<std::uint64_t>(d.symbols().resolve("seen_vector")), 7U);
  EXPECT_EQ(run_out(d).exit_code, 0x98);
}

TEST_F(I386, registers_of_amd64_throw) {
  Debugger d(program("bits32"));
  d.run(no_stdio());
  for (const char* name : {"rax", "r8", "xmm8", "fs_base", "rip", "sil"})
    EXPECT_THROW(static_cast<void>(d.regs().get_bytes(name)), UsageError) << name;
  EXPECT_THROW(static_cast<void>(d.regs().rax()), UsageError);
  EXPECT_THROW(d.regs().set_eax(0x100000000), UsageError);
  EXPECT_THROW(d.regs().set_bytes("eax", Bytes(5)), UsageError);
  const auto names = d.regs().names();
  EXPECT_EQ(std::ranges::count(names, "rax"), 0);
  EXPECT_EQ(std::ranges::count(names, "orig_eax"), 1);
}

TEST_F(I386, calls_are_changed_skipped_and_failed) {
  Debugger d(program("bits32"));
  const auto opened = [&] { return d.memory().read_value<std::int32_t>(d.symbols().resolve("opened")); };
  const auto run = [&](SyscallOptions options) {
    const SyscallHandler handler = d.handle_syscall("open", std::move(options));
    d.run(no_stdio());
    to_announcement(d);
    to_announcement(d);
    const std::int32_t result = opened();
    d.kill();
    handler.remove();
    return result;
  };
  EXPECT_EQ(run({.on_enter = [](Thread& t, SyscallHandler&) { t.skip_syscall(7); }}), 7);
  EXPECT_EQ(run({.on_enter = [](Thread& t, SyscallHandler&) { t.fail_syscall(EACCES); }}), -EACCES);
  EXPECT_EQ(run({.on_exit = [](Thread& t, SyscallHandler&) { t.set_syscall_return(9); }}), 9);
  EXPECT_EQ(run({.on_exit =
                     [](Thread& t, SyscallHandler&) {
                       t.set_syscall_return(-EPERM);
                       EXPECT_EQ(t.syscall_return(), -EPERM);
                     }}),
            -EPERM);
  EXPECT_EQ(
      run({.on_enter = [](Thread& t, SyscallHandler&) { t.set_syscall_number("getpid"); },
           .on_exit = [](Thread& t, SyscallHandler&) { t.set_syscall_return(t.syscall_return() == t.pid() ? 1 : 2); }}),
      1);
  EXPECT_EQ(run({.on_enter = [](Thread& t, SyscallHandler&) { t.set_syscall_arg(0, 0); }}), -EFAULT);
}

TEST_F(I386, syscalls_are_invoked) {
  Debugger d(program("bits32"));
  d.run(no_stdio());
  EXPECT_EQ(d.invoke_syscall("getpid"), d.pid());
  EXPECT_EQ(d.invoke_syscall("open", "/there/is/none", 0), -ENOENT);
  const std::int64_t page =
      d.invoke_syscall("mmap2", 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_GT(page, 0) << "an address in the upper half is no error";
  EXPECT_EQ(d.memory().read_value<int>(static_cast<Address>(page)), 0);
  EXPECT_EQ(d.invoke_syscall("munmap", page, 4096), 0);
  to_announcement(d);
  EXPECT_EQ(d.invoke_syscall("getpid"), d.pid());
  to_exit_of(d, "open");
  EXPECT_EQ(d.invoke_syscall("close", -1), -EBADF);
  EXPECT_EQ(run_out(d).exit_code, 0x22);
}

TEST_F(I386, is_stepped) {
  Debugger d(program("bits32"));
  d.run(no_stdio());
  to_announcement_exit(d);
  const Address pc = d.main_thread().pc();
  EXPECT_EQ(d.step().kind, StopKind::stepped);
  EXPECT_EQ(d.main_thread().pc(), pc + 6) << "mov %ebx, seen";
  EXPECT_EQ(run_out(d).exit_code, 0x22);
}

TEST_F(I386, after_death_the_last_registers_are_read) {
  Debugger d(program("bits32"));
  EXPECT_EQ(run_to_exit(d), 0x22);
  EXPECT_EQ(d.regs().orig_eax(), 1U);
  EXPECT_EQ(d.regs().ebx(), 0x22U);
  EXPECT_THROW(d.regs().set_ebx(1), ProcessGone);
}

TEST_F(I386, stops_at_breakpoints) {
  Debugger d(program("bits32"));
  std::size_t calls = 0;
  d.run(no_stdio());
  // On the instruction behind the first call, and on the call itself.
  to_announcement_exit(d);
  const Address behind = d.main_thread().pc();
  d.kill();
  const Breakpoint start = d.breakpoint("_start+0x7");
  d.run(no_stdio());
  for (const Address at : {behind, behind - 2}) {
    d.breakpoint(at, {.callback = [&](Thread& t, Breakpoint& b) {
                   ++calls;
                   EXPECT_EQ(t.pc(), *b.address());
                   EXPECT_EQ(t.regs().ecx(), 0x22222222U);
                   EXPECT_EQ(t.step().kind, StopKind::stepped);
                   EXPECT_EQ(t.invoke_syscall("getpid"), t.pid());
                 }});
  }
  const Stop stop = next_stop(d);
  EXPECT_EQ(stop.kind, StopKind::breakpoint) << stop;
  EXPECT_EQ(stop.breakpoints, std::vector{start});
  EXPECT_EQ(run_out(d).exit_code, 0x22);
  EXPECT_EQ(calls, 2U);
}

TEST_F(I386, stops_at_watchpoints) {
  Debugger d(program("bits32"));
  d.run(no_stdio());
  std::optional<Breakpoint> placed;
  try {
    placed = d.watchpoint("seen", {.length = 4});
  } catch (const OsError& error) {
    GTEST_SKIP() << error.what();
  }
  const Breakpoint seen = *placed;
  const Stop stop = next_stop(d);
  ASSERT_EQ(stop.kind, StopKind::watchpoint) << stop;
  EXPECT_EQ(stop.breakpoints, std::vector{seen});
  EXPECT_EQ(seen.old_value(), 0U);
  EXPECT_EQ(seen.new_value(), 0x7e570001U);
  EXPECT_THROW(d.watchpoint("seen", {.length = 8}), UsageError);
  EXPECT_EQ(run_out(d).exit_code, 0x22);
  EXPECT_EQ(seen.hit_count(), 1U);
}

/// A 64-bit program that becomes a 32-bit one.
TEST_F(I386, exec_from_a_64_bit_program) {
  Debugger d(program("exec_other", {tracee("bits32")}));
  Arch before{};
  d.handle_syscall("open", {.on_enter =
                                [&](Thread& t, SyscallHandler&) {
                                  // Written without a look before.
                                  if (t.syscall_abi() == Abi::i386) t.set_syscall_arg(0, 0);
                                },
                            .on_exit =
                                [&](Thread& t, SyscallHandler&) {
                                  if (t.syscall_abi() != Abi::i386) return;
                                  EXPECT_EQ(t.syscall_return(), -EFAULT);
                                }});
  d.handle_syscall("execve", {.on_enter = [&](Thread& t, SyscallHandler&) {
                     before = t.process().arch();
                     static_cast<void>(t.regs().rax());
                   }});
  EXPECT_EQ(run_to_exit(d), 0x22);
  EXPECT_EQ(before, Arch::amd64);
  EXPECT_EQ(d.arch(), Arch::i386);
  EXPECT_EQ(d.regs().ebx(), 0x22U);
}

/// A 64-bit program that makes 32-bit calls.
class Int80 : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    static const bool works = HostChild({tracee("int80")}).reap() != SIGSEGV;
    if (!works) GTEST_SKIP() << "int 0x80 raises SIGSEGV here: the kernel or its hypervisor has no 32-bit system calls";
  }
};

TEST_F(Int80, uses_the_i386_table_in_a_64_bit_program) {
  Transcript transcript;
  Debugger d(program("int80"));
  d.handle_syscall({"getpgid", "getpid"},
                   {.on_enter =
                        [&](Thread& t, SyscallHandler&) {
                          EXPECT_EQ(t.process().arch(), Arch::amd64);
                          transcript.add(std::string(syscall_name(t.syscall_abi(), t.syscall_number())) + " " +
                                         std::to_string(t.syscall_number()));
                        },
                    .on_exit =
                        [&](Thread& t, SyscallHandler&) {
                          if (syscall_name(t.syscall_abi(), t.syscall_number()) != "getpid") return;
                          EXPECT_EQ(t.syscall_return(), t.pid());
                        }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "getpgid 132|getpid 20|getpid 39");
}

TEST_F(Int80, arguments_and_results_are_those_of_i386) {
  Debugger d(program("int80"));
  d.run(no_stdio());
  Thread t = to_announcement(d).thread;
  EXPECT_EQ(t.syscall_abi(), Abi::i386);
  EXPECT_EQ(t.syscall_number(), 132);
  EXPECT_EQ(t.syscall_arg(0), 0x7e570001U);
  EXPECT_EQ(t.regs().rbx(), 0x7e570001U) << "64-bit registers all the same";
  t.set_syscall_arg(0, 0x100000000);
  EXPECT_EQ(t.syscall_arg(0), 0U) << "32 bits of it are an argument";
  t = to_exit_of(d, "getpid").thread;
  EXPECT_EQ(t.syscall_return(), d.pid());
  EXPECT_EQ(t.syscall_number(), 20);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Int80, is_hijacked_by_name) {
  Debugger d(program("int80"));
  d.hijack_syscall("getpid", "getppid", {.once = true});
  EXPECT_EQ(run_to_exit(d), 1) << "the i386 call saw the parent's pid";
}

}  // namespace
}  // namespace trapline::live
