#include "os/proc.hpp"

#include <elf.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <latch>
#include <thread>

#include <trapline/error.hpp>

namespace trapline::os {
namespace {

/// The id of a process that existed and does not any more.
pid_t dead_process() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  ::waitpid(pid, nullptr, 0);
  return pid;
}

TEST(ParseMaps, EveryField) {
  const auto maps = parse_maps(
      "7f0010000000-7f0010021000 rw-p 00000000 00:00 0 \n"
      "55d0c0a00000-55d0c0a02000 r-xs 0001a000 fe:10 1234567                    /tmp/a file\\012with a break "
      "(deleted)\n"
      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n");
  ASSERT_EQ(maps.size(), 3U);
  EXPECT_EQ(maps[0].start, 0x7f0010000000U);
  EXPECT_EQ(maps[0].end, 0x7f0010021000U);
  EXPECT_TRUE(maps[0].readable && maps[0].writable && !maps[0].executable && !maps[0].shared);
  EXPECT_EQ(maps[0].name, "");
  EXPECT_EQ(maps[1].offset, 0x1a000U);
  EXPECT_EQ(maps[1].device_major, 0xfeU);
  EXPECT_EQ(maps[1].device_minor, 0x10U);
  EXPECT_EQ(maps[1].inode, 1234567U);
  EXPECT_TRUE(maps[1].readable && !maps[1].writable && maps[1].executable && maps[1].shared);
  EXPECT_TRUE(maps[1].deleted);
  EXPECT_EQ(maps[1].name, "/tmp/a file\nwith a break");
  EXPECT_EQ(maps[2].start, 0xffffffffff600000U);
  EXPECT_EQ(maps[2].name, "[vsyscall]");
  EXPECT_TRUE(maps[2].contains(0xffffffffff600fffU));
  EXPECT_FALSE(maps[2].contains(0xffffffffff601000U));
}

TEST(ReadMaps, FindsOurOwnStackAndCode) {
  const auto maps = read_maps(::getpid());
  const auto holds = [&](const void* pointer) {
    return std::ranges::find_if(maps, [&](const Mapping& m) { return m.contains(reinterpret_cast<Address>(pointer)); });
  };
  int local = 0;
  ASSERT_NE(holds(&local), maps.end());
  EXPECT_TRUE(holds(&local)->writable);
  const auto code = holds(reinterpret_cast<const void*>(&dead_process));
  ASSERT_NE(code, maps.end());
  EXPECT_TRUE(code->executable);
  EXPECT_EQ(code->name, executable_path(::getpid()));
}

TEST(ReadMaps, AsLongAsTheyAre) {
  constexpr std::size_t count = 4000;
  // Neighbours of different protection stay apart.
  auto* area = static_cast<std::byte*>(::mmap(nullptr, count * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(static_cast<void*>(area), MAP_FAILED);
  for (std::size_t i = 0; i < count; i += 2) ::mprotect(area + i * 4096, 4096, PROT_READ | PROT_WRITE);
  const auto begin = reinterpret_cast<Address>(area);
  const auto inside = std::ranges::count_if(
      read_maps(::getpid()), [&](const Mapping& m) { return m.start >= begin && m.end <= begin + count * 4096; });
  EXPECT_GE(inside, 3998);
  ::munmap(area, count * 4096);
}

TEST(ListThreads, SeesAnother) {
  std::latch born(1);
  std::latch done(1);
  pid_t tid = 0;
  std::thread other([&] {
    tid = static_cast<pid_t>(::syscall(SYS_gettid));
    pthread_setname_np(pthread_self(), ") R (odd");
    born.count_down();
    done.wait();
  });
  born.wait();
  const auto tids = list_threads(::getpid());
  EXPECT_EQ(tids.front(), ::getpid());
  EXPECT_EQ(std::ranges::count(tids, tid), 1);
  EXPECT_TRUE(same_process(::getpid(), tid));
  EXPECT_FALSE(same_process(1, tid));
  EXPECT_EQ(thread_name(tid), ") R (odd");
  EXPECT_NE(std::string("SR").find(thread_state(tid)), std::string::npos);
  EXPECT_EQ(read_status(tid).tgid, ::getpid());
  done.count_down();
  other.join();
}

TEST(ReadStatus, OurOwnSignalsAndIds) {
  sigset_t set;
  sigset_t before;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_SETMASK, &set, &before);
  const auto old_ignored = std::signal(SIGUSR2, SIG_IGN);
  const auto old_caught = std::signal(SIGWINCH, [](int) {});
  const pid_t self = ::getpid();
  const ThreadStatus status = read_status(self);
  EXPECT_TRUE(blocks_signal(self, SIGUSR1));
  EXPECT_FALSE(blocks_signal(self, SIGUSR2));
  EXPECT_TRUE(catches_signal(self, SIGWINCH));
  EXPECT_FALSE(catches_signal(self, SIGUSR2));
  std::signal(SIGUSR2, old_ignored);
  std::signal(SIGWINCH, old_caught);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(status.blocked, std::uint64_t{1} << (SIGUSR1 - 1));
  EXPECT_NE(status.ignored & (std::uint64_t{1} << (SIGUSR2 - 1)), 0U);
  EXPECT_EQ(status.state, 'R');
  EXPECT_EQ(status.tgid, self);
  EXPECT_EQ(status.real_uid, ::getuid());
  EXPECT_EQ(status.effective_uid, ::geteuid());
}

TEST(ParseStatus, WhatIsRareHere) {
  const ThreadStatus status = parse_status(
      "Name:\tvault\nUmask:\t0027\nState:\tt (tracing "
      "stop)\nTgid:\t42\nNStgid:\t42\t3\nPid:\t43\nTracerPid:\t7\nUid:\t1\t2\t3\t4\n"
      "SigPnd:\t0000000000000001\nShdPnd:\t8000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n");
  EXPECT_EQ(status.state, 't');
  EXPECT_EQ(status.umask, 027U);
  EXPECT_EQ(status.tgid, 42);
  EXPECT_EQ(status.own_tgid, 3);
  EXPECT_EQ(status.tracer, 7);
  EXPECT_EQ(status.real_uid, 1U);
  EXPECT_EQ(status.effective_uid, 2U);
  EXPECT_EQ(status.pending, 1U);
  EXPECT_EQ(status.process_pending, std::uint64_t{1} << 63);
  EXPECT_TRUE(status.no_new_privileges);
  EXPECT_EQ(status.seccomp, SeccompMode::filter);
}

TEST(AuxiliaryVector, OurOwn) {
  const auto vector = read_auxiliary_vector(::getpid());
  EXPECT_EQ(vector.find(AT_ENTRY), getauxval(AT_ENTRY));
  EXPECT_EQ(vector.find(AT_SYSINFO_EHDR), getauxval(AT_SYSINFO_EHDR));
  EXPECT_EQ(vector.find(AT_PHDR), getauxval(AT_PHDR));
  EXPECT_EQ(vector.find(AT_BASE), getauxval(AT_BASE));
  EXPECT_EQ(vector.find(4711), std::nullopt);
}

TEST(AuxiliaryVector, Of32Bits) {
  const std::array<std::uint32_t, 8> words{AT_SYSINFO_EHDR, 0xf7fc1000, AT_ENTRY, 0x8049000, AT_SECURE, 0, AT_NULL, 0};
  const AuxiliaryVector vector({reinterpret_cast<const char*>(words.data()), sizeof words});
  EXPECT_EQ(vector.entries().size(), 3U);
  EXPECT_EQ(vector.find(AT_SYSINFO_EHDR), 0xf7fc1000U);
  EXPECT_EQ(vector.find(AT_ENTRY), 0x8049000U);
  EXPECT_EQ(vector.find(AT_SECURE), 0U);
}

TEST(Proc, LinksOfDescriptorsAndDirectory) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  EXPECT_TRUE(descriptor_path(::getpid(), ends[0])->starts_with("pipe:["));
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_EQ(descriptor_path(::getpid(), ends[0]), std::nullopt);
  std::array<char, 4096> directory{};
  EXPECT_EQ(working_directory(::getpid()), ::getcwd(directory.data(), directory.size()));
}

TEST(Proc, TheDeadAreGone) {
  const pid_t gone = dead_process();
  EXPECT_THROW((void)read_maps(gone), ProcessGone);
  EXPECT_THROW((void)list_threads(gone), ProcessGone);
  EXPECT_THROW((void)read_status(gone), ProcessGone);
  EXPECT_THROW((void)thread_state(gone), ProcessGone);
  EXPECT_THROW((void)read_auxiliary_vector(gone), ProcessGone);
  EXPECT_THROW((void)executable_path(gone), ProcessGone);
  EXPECT_THROW((void)descriptor_path(gone, 0), ProcessGone);
  EXPECT_FALSE(same_process(gone, gone));
  EXPECT_EQ(explain_refused_attach(gone), "there is no such process");
}

TEST(Proc, AZombieIsSeenAsOne) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  EXPECT_EQ(thread_state(pid), 'Z');
  EXPECT_NE(explain_refused_attach(pid).find("zombie"), std::string::npos);
  ::waitpid(pid, nullptr, 0);
}

TEST(ExplainRefusedAttach, OurOwnThread) {
  EXPECT_NE(explain_refused_attach(::getpid()).find("this very process"), std::string::npos);
}

TEST(ExplainRefusedAttach, RootWithoutTheCapability) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root";
  const pid_t child = ::fork();
  if (child == 0) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, 2> none{};
    const bool dropped = ::syscall(SYS_capset, &header, none.data()) == 0;
    ::_exit(dropped && explain_refused_attach(::getppid()).find("CAP_SYS_PTRACE") != std::string::npos ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Proc, ProcessesAreListedWithTheirParents) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
  const auto all = list_processes();
  const auto found = std::ranges::find(all, child, &Parentage::pid);
  ASSERT_NE(found, all.end());
  EXPECT_EQ(found->parent, ::getpid());
  EXPECT_TRUE(found->zombie);
  ::waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace trapline::os
