#include "invoking.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace trapline::live {
namespace {

/// What can be invoked, with which arguments; where it works is in invoke_where_test.cpp.
using Invoke = Live;

TEST_F(Invoke, returns_the_raw_result) {
  AtEntry d;
  EXPECT_EQ(d->invoke_syscall("getpid"), d->pid());
  EXPECT_EQ(d->invoke_syscall(SYS_getppid), ::getpid());
  EXPECT_EQ(d->invoke_syscall("close", 1000), -EBADF);
  EXPECT_EQ(d->invoke_syscall("newuname", 0), -EFAULT);
  EXPECT_EQ(d->invoke_syscall(100000), -ENOSYS);
  EXPECT_EQ(run_out(*d).exit_code, 0);
}

TEST_F(Invoke, static_and_stripped_programs) {
  for (const char* name : {"points_static", "points_stripped"}) {
    AtEntry d(name);
    utsname names{};
    EXPECT_EQ(d->invoke_syscall("getpid"), d->pid()) << name;
    EXPECT_EQ(d->invoke_syscall("uname", names), 0) << name;
    EXPECT_STREQ(names.sysname, "Linux") << name;
    EXPECT_EQ(run_out(*d).exit_code, 0) << name;
  }
}

enum class Access : int { exists = F_OK, write = W_OK };

TEST_F(Invoke, integers_of_every_kind) {
  AtEntry d;
  EXPECT_EQ(d->invoke_syscall("close", -1), -EBADF);
  EXPECT_EQ(d->invoke_syscall("close", std::int64_t{-1}), -EBADF);
  EXPECT_EQ(d->invoke_syscall("close", 0xffffffffU), -EBADF);
  EXPECT_EQ(d->invoke_syscall("access", "/", Access::exists), 0);
  EXPECT_EQ(d->invoke_syscall("access", nullptr, false), -EFAULT);
  EXPECT_EQ(d->invoke_syscall("lseek", 0, std::int64_t{1} << 40, 9999), -EINVAL);
}

TEST_F(Invoke, six_arguments) {
  AtEntry d;
  const std::int64_t page =
      d->invoke_syscall("mmap", 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_GT(page, 0) << std::strerror(static_cast<int>(-page));
  const auto address = static_cast<Address>(page);
  ASSERT_NE(d->maps().at(address), nullptr);
  EXPECT_EQ(d->maps().at(address)->permissions(), "rw-p");
  d->memory().write(address, "written");
  EXPECT_EQ(d->memory().read_string(address), "written");
  // A pointer is an address in the tracee, not data of ours.
  EXPECT_EQ(d->invoke_syscall("munmap", reinterpret_cast<void*>(address), 4096), 0);
  EXPECT_EQ(d->maps().at(address), nullptr);
}

TEST_F(Invoke, more_arguments_than_six_throw) {
  AtEntry d;
  const std::vector<InvokeArgument> seven(7, InvokeArgument(0));
  EXPECT_THROW(d->main_thread().invoke("getpid", seven), UsageError);
  EXPECT_EQ(d->main_thread().invoke("getpid", std::span(seven).first(6)), d->pid());
}

TEST_F(Invoke, strings) {
  const ScratchDir dir;
  const std::string path = dir.file("file", "content");
  AtEntry d;
  EXPECT_EQ(d->invoke_syscall("access", path, F_OK), 0);
  EXPECT_EQ(d->invoke_syscall("access", path.c_str(), F_OK), 0);
  EXPECT_EQ(d->invoke_syscall("access", std::string_view(path), F_OK), 0);
  EXPECT_EQ(d->invoke_syscall("access", "/no/such/file", F_OK), -ENOENT);
  EXPECT_EQ(d->invoke_syscall("access", "", F_OK), -ENOENT);
  const std::string new_name = dir / "renamed";
  EXPECT_EQ(d->invoke_syscall("rename", path, new_name), 0) << "two strings at once";
  EXPECT_EQ(read_file(new_name), "content");
  const std::string too_long(5000, 'x');
  EXPECT_EQ(d->invoke_syscall("access", too_long, F_OK), -ENAMETOOLONG);
}

TEST_F(Invoke, buffers_come_back) {
  const ScratchDir dir;
  const std::string path = dir.file("file", "content of the file");
  AtEntry d;
  const std::int64_t fd = d->invoke_syscall("openat", AT_FDCWD, path, O_RDWR);
  ASSERT_GE(fd, 0);
  Bytes buffer(7, std::byte{'-'});
  EXPECT_EQ(d->invoke_syscall("read", fd, buffer, buffer.size()), 7);
  EXPECT_EQ(std::memcmp(buffer.data(), "content", 7), 0);
  std::string text(12, '-');
  EXPECT_EQ(d->invoke_syscall("read", fd, text, 3), 3);
  EXPECT_EQ(text, " of---------");
  char raw[4] = {};
  EXPECT_EQ(d->invoke_syscall("read", fd, raw, 3), 3);
  EXPECT_STREQ(raw, " th");
  const Bytes constant(4, std::byte{'z'});
  EXPECT_EQ(d->invoke_syscall("pwrite64", fd, constant, constant.size(), 0), 4);
  EXPECT_EQ(read_file(path), "zzzzent of the file");
  EXPECT_EQ(d->invoke_syscall("close", fd), 0);
}

TEST_F(Invoke, structs_go_in_and_out) {
  AtEntry d;
  utsname host{};
  utsname theirs{};
  ASSERT_EQ(::uname(&host), 0);
  EXPECT_EQ(d->invoke_syscall("uname", theirs), 0);
  EXPECT_STREQ(theirs.release, host.release);
  const timespec time{.tv_sec = 0, .tv_nsec = 1000000};
  EXPECT_EQ(d->invoke_syscall("nanosleep", time, nullptr), 0);
  timespec wrong{.tv_sec = 0, .tv_nsec = 2000000000};
  EXPECT_EQ(d->invoke_syscall("nanosleep", wrong, nullptr), -EINVAL);
  int ends[2] = {-1, -1};
  EXPECT_EQ(d->invoke_syscall("pipe2", ends, O_CLOEXEC), 0);
  EXPECT_GE(ends[0], 3);
  EXPECT_EQ(ends[1], ends[0] + 1);
}

TEST_F(Invoke, large_buffers) {
  AtEntry d;
  const std::int64_t fd = d->invoke_syscall("openat", AT_FDCWD, "/dev/zero", O_RDONLY);
  ASSERT_GE(fd, 0);
  Bytes buffer(1 << 20, std::byte{1});
  EXPECT_EQ(d->invoke_syscall("read", fd, buffer, buffer.size()), 1 << 20);
  EXPECT_EQ(std::count(buffer.begin(), buffer.end(), std::byte{0}), 1 << 20);
  Bytes empty;
  EXPECT_EQ(d->invoke_syscall("read", fd, empty, 0), 0);
  EXPECT_EQ(run_out(*d).exit_code, 0);
}

TEST_F(Invoke, its_copies_leave_the_programs_memory_alone) {
  AtEntry d;
  to_announcement_exit(*d);
  const Address sp = d->regs().rsp();
  const Bytes below = d->memory().read(sp - 1024, 2048);
  const Bytes text = d->memory().read(d->main_thread().pc() - 64, 128);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(d->invoke_syscall("access", std::string(900, '/'), F_OK), 0);
  EXPECT_EQ(d->memory().read(sp - 1024, 2048), below);
  EXPECT_EQ(d->memory().read(d->main_thread().pc() - 64, 128), text);
  EXPECT_EQ(run_out(*d).exit_code, 0);
}

TEST_F(Invoke, registers_written_before_stay_written) {
  AtEntry d;
  d->regs().set_r12(0x1234);
  const Address pc = d->main_thread().pc();
  for (int i = 0; i < 10; ++i) d->invoke_syscall("getpid");
  EXPECT_EQ(d->regs().r12(), 0x1234U);
  EXPECT_EQ(d->main_thread().pc(), pc);
}

TEST_F(Invoke, handlers_see_it_like_any_other) {
  AtEntry d;
  Transcript transcript;
  const SyscallHandler handler = d->handle_syscall("all", transcript.options());
  EXPECT_EQ(d->invoke_syscall("access", "/", F_OK), 0);
  // What the library needs for its copies is seen by nobody.
  EXPECT_EQ(transcript.text(), "enter access|exit access");
  EXPECT_EQ(handler.hit_count(), 1U);
}

TEST_F(Invoke, synchronous_handlers_only_count_it) {
  AtEntry d;
  const SyscallHandler handler = d->handle_syscall("getpid");
  EXPECT_EQ(d->invoke_syscall("getpid"), d->pid());
  EXPECT_EQ(handler.enter_count(), 1U);
  EXPECT_EQ(handler.hit_count(), 1U);
  EXPECT_THROW(static_cast<void>(d->wait(1s)), UsageError) << "it made a stop";
  EXPECT_EQ(run_out(*d).exit_code, 0);
}

TEST_F(Invoke, the_handler_whose_callback_runs_does_not_see_it) {
  AtEntry d;
  Transcript transcript;
  const SyscallHandler running =
      d->handle_syscall(announcement, {.on_enter =
                                           [&](Thread& t, SyscallHandler&) {
                                             transcript.add("running");
                                             EXPECT_EQ(t.invoke_syscall("getpgid", -1), -ESRCH);
                                           },
                                       .once = true});
  const SyscallHandler other = d->handle_syscall(announcement, {.on_enter = transcript.note("other")});
  EXPECT_EQ(run_out(*d).exit_code, 0);
  EXPECT_EQ(transcript.text(), "running|other getpgid|other getpgid|other getpgid|other getpgid");
  EXPECT_EQ(running.hit_count(), 1U);
  EXPECT_EQ(other.hit_count(), 4U);
}

TEST_F(Invoke, a_skip_or_fail_of_it_is_its_result) {
  AtEntry d;
  d->handle_syscall("getpid", {.on_enter = [](Thread& t, SyscallHandler&) { t.skip_syscall(8); }});
  d->handle_syscall("gettid", {.on_enter = [](Thread& t, SyscallHandler&) { t.fail_syscall(EIO); }});
  EXPECT_EQ(d->invoke_syscall("getpid"), 8);
  EXPECT_EQ(d->invoke_syscall("gettid"), -EIO);
  EXPECT_EQ(run_out(*d).exit_code, 0);
}

TEST_F(Invoke, exit_ends_the_process) {
  AtEntry d;
  EXPECT_THROW(d->invoke_syscall("exit_group", 12), ProcessGone);
  EXPECT_TRUE(d->dead());
  EXPECT_EQ(d->wait(patience).exit_code, 12);
}

TEST_F(Invoke, suicide_too) {
  AtEntry d;
  EXPECT_THROW(d->invoke_syscall("kill", d->pid(), SIGKILL), ProcessGone);
  EXPECT_EQ(d->wait(patience).exit_signal, SIGKILL);
}

TEST_F(Invoke, exec_is_the_new_program) {
  AtEntry d;
  const std::string path = tracee("exit_with");
  EXPECT_EQ(d->invoke_syscall("execve", path, nullptr, nullptr), 0);
  EXPECT_FALSE(d->maps().filter("exit_with").empty());
  EXPECT_EQ(run_out(*d).exit_code, 0);
}

}  // namespace
}  // namespace trapline::live
