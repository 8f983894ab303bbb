#include "invoking.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace trapline::live {
namespace {

/// What a batch of calls does; at which moments it works is in batch_where_test.cpp.
using InvokeBatch = Live;
using Results = std::vector<std::int64_t>;

/// There is an earlier call only in a batch.
static_assert(!std::is_constructible_v<InvokeArgument, ResultOf>);
static_assert(!std::is_constructible_v<InvokeArgument, ResultOf&>);
static_assert(!std::is_constructible_v<InvokeArgument, const ResultOf&>);

/// How often the thread has slept, which it does at each stop.
std::uint64_t sleeps(const Thread& t) {
  const std::string status = read_file("/proc/" + std::to_string(t.tid()) + "/status");
  const std::string_view name = "\nvoluntary_ctxt_switches:";
  const auto at = status.find(name);
  return at == std::string::npos ? 0 : std::stoull(status.substr(at + name.size()));
}

TEST_F(InvokeBatch, returns_each_result) {
  AtEntry d;
  const Results results =
      d->invoke_batch({{"getpid"}, {"getppid"}, {"close", 1000}, {"newuname", 0}, {100000}, {"getpid"}});
  EXPECT_EQ(results, (Results{d->pid(), ::getpid(), -EBADF, -EFAULT, -ENOSYS, d->pid()}));
  EXPECT_EQ(d->invoke_batch({{"gettid"}}), Results{d->pid()});
  EXPECT_EQ(d->invoke_batch({}), Results{});
  EXPECT_EQ(run_out(*d).exit_code, 0);
}

TEST_F(InvokeBatch, takes_one_stop_for_many_calls) {
  AtEntry d;
  const std::vector<BatchCall> calls(200, BatchCall("getpid"));
  static_cast<void>(d->invoke_batch(calls));
  const std::uint64_t before = sleeps(d->main_thread());
  const Results results = d->invoke_batch(calls);
  EXPECT_LE(sleeps(d->main_thread()) - before, 5U);
  EXPECT_EQ(results, Results(200, d->pid()));
}

TEST_F(InvokeBatch, results_are_arguments_of_later_calls) {
  const ScratchDir dir;
  const std::string path = dir.file("file", "content of the file");
  AtEntry d;
  Bytes head(7);
  std::array<char, 8> tail{};
  const Results results = d->invoke_batch({{"openat", AT_FDCWD, path, O_RDONLY},
                                           {"read", result_of(0), head, head.size()},
                                           {"lseek", result_of(0), result_of(1) + 4, SEEK_SET},
                                           {"read", result_of(0), tail, tail.size()},
                                           {"close", result_of(0)},
                                           {"close", result_of(0)}});
  ASSERT_EQ(results.size(), 6U);
  EXPECT_GE(results[0], 3);
  EXPECT_EQ(Results(results.begin() + 1, results.end()), (Results{7, 11, 8, 0, -EBADF}));
  EXPECT_EQ(std::memcmp(head.data(), "content", 7), 0);
  EXPECT_EQ(std::string_view(tail.data(), tail.size()), "the file");
}

TEST_F(InvokeBatch, results_that_are_addresses) {
  AtEntry d;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  const bool narrow = d->memory().pointer_size() == 4;
  const Results results = d->invoke_batch({{narrow ? "mmap2" : "mmap", 0, 8192, PROT_READ | PROT_WRITE, flags, -1, 0},
                                           {"mprotect", result_of(0) + 4096, 4096, PROT_NONE},
                                           {"getcwd", result_of(0) + 8, 4096 - 8},
                                           {"getcwd", result_of(0) + 4096 + 4096 - 4096, 4096}});
  ASSERT_EQ(results.size(), 4U);
  const auto page = static_cast<Address>(results[0]);
  EXPECT_EQ(d->maps().at(page)->permissions(), "rw-p");
  EXPECT_EQ(d->maps().at(page + 4096)->permissions(), "---p");
  EXPECT_EQ(results[1], 0);
  EXPECT_EQ(d->memory().read_string(page + 8).size() + 1, static_cast<std::size_t>(results[2]));
  EXPECT_EQ(results[3], -EFAULT);
}

TEST_F(InvokeBatch, who_needs_the_result_of_a_failed_call_is_not_made) {
  AtEntry d;
  Bytes buffer(8);
  const Results results = d->invoke_batch({{"getpid"},
                                           {"openat", AT_FDCWD, "/no/such/file", O_RDONLY},
                                           {"read", result_of(1), buffer, 8},
                                           {"getppid"},
                                           {"kill", result_of(2) + 2, SIGKILL},
                                           {"kill", result_of(0), 0},
                                           {"close", result_of(1)}});
  EXPECT_EQ(results, (Results{d->pid(), -ENOENT, -ENOENT, ::getpid(), -ENOENT, 0, -ENOENT}));
  EXPECT_EQ(run_out(*d).exit_code, 0);
}

TEST_F(InvokeBatch, ends_at_the_first_error_if_wanted) {
  AtEntry d;
  const std::vector<BatchCall> calls{{"getpid"}, {"getppid"}, {"close", -1}, {"getpid"}, {"exit_group", 3}};
  EXPECT_EQ(d->invoke_batch(calls, {.stop_at_error = true}), (Results{d->pid(), ::getpid(), -EBADF}));
  const Results whole = d->invoke_batch({{"dup", 0}, {"close", result_of(0)}, {"getpid"}}, {.stop_at_error = true});
  ASSERT_EQ(whole.size(), 3U) << "without an error";
  EXPECT_EQ(whole[2], d->pid());
  EXPECT_EQ(d->invoke_batch({{"fork", 0}, {"close", -1}, {"getpid"}}, {.stop_at_error = true}).size(), 2U);
  EXPECT_EQ(d->invoke_batch({{"prctl", -1}, {"getpid"}}, {.stop_at_error = true}), Results{-EINVAL});
}

TEST_F(InvokeBatch, what_cannot_be_meant_is_refused_before_any_call) {
  AtEntry d;
  const auto refused = [&](const std::vector<BatchCall>& calls) {
    return message_of<UsageError>([&] { d->invoke_batch(calls); });
  };
  EXPECT_NE(refused({{"exit_group", 1}, {"close", result_of(1)}}).find("call 1 of the batch (close)"),
            std::string::npos);
  refused({{"exit_group", 1}, {"close", result_of(2)}, {"getpid"}});
  EXPECT_NE(refused({{"exit_group", 1}, {"getpidd"}}).find("getpid"), std::string::npos);
  BatchCall call("getpid", 1, 2, 3, 4, 5, 6);
  EXPECT_THROW(call.add_argument(7), UsageError);
  EXPECT_EQ(run_out(*d).exit_code, 0);
}

TEST_F(InvokeBatch, arguments_made_at_run_time) {
  AtEntry d;
  std::vector<BatchCall> calls;
  for (int i = 0; i < 20; ++i) {
    calls.emplace_back("dup", 0);
    calls.push_back(BatchCall("close").add_argument(result_of(calls.size() - 1)));
  }
  const Results results = d->invoke_batch(calls);
  ASSERT_EQ(results.size(), 40U);
  for (std::size_t i = 0; i < results.size(); i += 2) {
    EXPECT_EQ(results[i], results[0]);
    EXPECT_EQ(results[i + 1], 0);
  }
}

TEST_F(InvokeBatch, many_calls_and_large_buffers) {
  AtEntry d;
  const std::int64_t fd = d->invoke_syscall("openat", AT_FDCWD, "/dev/zero", O_RDONLY);
  std::vector<Bytes> buffers;
  std::vector<BatchCall> calls;
  buffers.reserve(400);
  for (std::size_t i = 0; i < 400; ++i) {
    // Some of them larger than the scratch mapping.
    buffers.emplace_back(i % 50 == 7 ? 300'000 : i * 16, std::byte{1});
    calls.emplace_back("read", fd, buffers.back(), buffers.back().size());
    calls.emplace_back("getpid");
    calls.emplace_back("access", std::string_view("/dev/zero"), F_OK);
  }
  const Results results = d->invoke_batch(calls);
  ASSERT_EQ(results.size(), 1200U);
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_EQ(results[3 * i], static_cast<std::int64_t>(buffers[i].size())) << i;
    EXPECT_EQ(results[3 * i + 1], d->pid());
    EXPECT_EQ(results[3 * i + 2], 0);
    EXPECT_EQ(std::ranges::count(buffers[i], std::byte{1}), 0) << i;
  }
  EXPECT_EQ(run_out(*d).exit_code, 0);
}

TEST_F(InvokeBatch, what_one_call_writes_the_next_one_reads) {
  const ScratchDir dir;
  const std::string from = dir.file("from", "0123456789abcdef");
  const std::string to = dir.file("to", "");
  const std::string name = dir.file("0123", "found by its name");
  AtEntry d;
  char text[17] = {};
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(text));
  const Results results =
      d->invoke_batch({{"chdir", dir.path()},
                       {"openat", AT_FDCWD, from, O_RDONLY},
                       {"openat", AT_FDCWD, to, O_WRONLY},
                       {"read", result_of(1), bytes.first(16), 16},
                       {"write", result_of(2), text, 4},                           //
                       {"write", result_of(2), bytes.subspan(10, 3), 3},           // within it
                       {"pread64", result_of(1), bytes.subspan(12, 5), 4, 0, 0},   // reaches beyond it
                       {"write", result_of(2), ByteView(bytes.subspan(8, 9)), 8},  // both
                       {"pread64", result_of(1), bytes.first(4), 4, 0, 0},
                       {"access", std::string_view(text, 4), F_OK}});  // a string that ends there
  EXPECT_EQ(read_file(to),
            "0123abc"
            "89ab0123");
  EXPECT_EQ(results.back(), 0);
  EXPECT_STREQ(text, "0123456789ab0123");
}

TEST_F(InvokeBatch, only_calls_that_were_made_change_our_buffers) {
  AtEntry d;
  utsname first{};
  utsname second{};
  d->invoke_batch({{"uname", first}, {"close", -1}, {"uname", second}}, {.stop_at_error = true});
  EXPECT_STREQ(first.sysname, "Linux");
  EXPECT_STREQ(second.sysname, "");
}

TEST_F(InvokeBatch, handlers_see_calls_in_their_order) {
  AtEntry d;
  Transcript transcript;
  const SyscallHandler some = d->handle_syscall({"getppid", "close"}, transcript.options());
  const SyscallHandler counted = d->handle_syscall("dup");
  const Results results = d->invoke_batch({{"getpid"},
                                           {"dup", 0},
                                           {"getpid"},
                                           {"getpid"},
                                           {"getppid"},
                                           {"close", result_of(1)},
                                           {"close", result_of(1)},
                                           {"gettid"},
                                           {"getpid"}});
  EXPECT_EQ(results[4], ::getpid());
  EXPECT_EQ(results[5], 0);
  EXPECT_EQ(results[6], -EBADF);
  EXPECT_EQ(results[8], d->pid());
  EXPECT_EQ(transcript.text(), "enter getppid|exit getppid|enter close|exit close|enter close|exit close");
  EXPECT_EQ(some.hit_count(), 3U);
  EXPECT_EQ(counted.hit_count(), 1U);
  EXPECT_THROW(static_cast<void>(d->wait(1s)), UsageError) << "it made a stop";
  EXPECT_EQ(run_out(*d).exit_code, 0);
}

TEST_F(InvokeBatch, what_handlers_make_of_a_call_is_its_result) {
  AtEntry d;
  d->handle_syscall("dup", {.on_enter = [](Thread& t, SyscallHandler&) { t.skip_syscall(77); }});
  d->handle_syscall("getppid", {.on_enter = [](Thread& t, SyscallHandler&) { t.fail_syscall(EIO); }});
  EXPECT_EQ(d->invoke_batch({{"getpid"}, {"dup", 0}, {"close", result_of(1)}, {"getppid"}, {"close", result_of(3)}}),
            (Results{d->pid(), 77, -EBADF, -EIO, -EIO}));
}

TEST_F(InvokeBatch, observers_see_all_of_it) {
  AtEntry d;
  std::size_t seen = 0;
  const Observation watch = d->observe({.on_syscall_exit = [&](Thread&, const SyscallRecord&) { ++seen; }});
  d->invoke_batch({{"getpid"}, {"access", "/", F_OK}, {"getpid"}});
  EXPECT_EQ(seen, 3U);
}

TEST_F(InvokeBatch, batches_nest_in_callbacks) {
  AtEntry d;
  unsigned depth = 0;
  d->handle_syscall("getppid", {.on_enter = [&](Thread& t, SyscallHandler&) {
                      if (++depth > 1) return;
                      Bytes large(100'000, std::byte{1});
                      char path[16] = {};
                      const Results results = t.invoke_batch({{"access", "/", F_OK},
                                                              {"getppid"},
                                                              {"getcwd", path, sizeof path},
                                                              {"openat", AT_FDCWD, "/dev/zero", O_RDONLY},
                                                              {"read", result_of(3), large, large.size()},
                                                              {"getpid"}});
                      EXPECT_EQ(results[1], ::getpid());
                      EXPECT_EQ(results[4], 100'000);
                      EXPECT_EQ(results[5], t.pid());
                    }});
  utsname names{};
  const Results results =
      d->invoke_batch({{"getpid"}, {"uname", names}, {"getppid"}, {"getpid"}, {"access", "/", F_OK}});
  EXPECT_EQ(results, (Results{d->pid(), 0, ::getpid(), d->pid(), 0}));
  EXPECT_STREQ(names.sysname, "Linux");
  EXPECT_EQ(depth, 1U) << "the handler saw a call of its own callback";
}

TEST_F(InvokeBatch, births_and_masks_and_the_like_are_made_by_themselves) {
  AtEntry d("parent");
  const std::array mask{~std::uint64_t{0}};
  std::array<std::uint64_t, 1> now{};
  const Results results = d->invoke_batch({{"getpid"},
                                           {"fork"},
                                           {"kill", result_of(1), SIGKILL},
                                           {"wait4", result_of(1), nullptr, 0, nullptr},
                                           {"vfork"},
                                           {"kill", result_of(4), SIGKILL},
                                           {"wait4", result_of(4), nullptr, 0, nullptr},
                                           {"rt_sigprocmask", SIG_SETMASK, mask, nullptr, sizeof mask},
                                           {"getpid"},
                                           {"getppid"},
                                           {"rt_sigprocmask", SIG_SETMASK, nullptr, now, sizeof now},
                                           {"getpid"},
                                           {"getpid"}});
  ASSERT_EQ(results.size(), 13U);
  EXPECT_GT(results[1], 0);
  EXPECT_EQ(results[3], results[1]);
  EXPECT_EQ(results[6], results[4]);
  EXPECT_EQ(results[8], d->pid());
  EXPECT_EQ(results[9], ::getpid());
  EXPECT_EQ(now[0], ~(std::uint64_t{1} << (SIGKILL - 1)) & ~(std::uint64_t{1} << (SIGSTOP - 1)));
  EXPECT_EQ(results[12], d->pid());
}

TEST_F(InvokeBatch, an_execve_that_succeeds_ends_it) {
  AtEntry d;
  const std::string path = tracee("exit_with");
  const Results results = d->invoke_batch({{"getpid"},
                                           {"execve", "/no/such/program", nullptr, nullptr},
                                           {"getpid"},
                                           {"execve", path, nullptr, nullptr},
                                           {"exit_group", 7}});
  EXPECT_EQ(results, (Results{d->pid(), -ENOENT, d->pid(), 0}));
  EXPECT_FALSE(d->maps().filter("exit_with").empty());
  EXPECT_EQ(d->invoke_batch({{"getpid"}, {"getpid"}}), Results(2, d->pid())) << "in the new program";
  EXPECT_EQ(run_out(*d).exit_code, 0);
}

TEST_F(InvokeBatch, exits_and_kills_end_the_process) {
  {
    AtEntry d;
    EXPECT_THROW(d->invoke_batch({{"getpid"}, {"exit_group", 12}, {"getpid"}}), ProcessGone);
    EXPECT_EQ(d->wait(patience).exit_code, 12);
  }
  AtEntry d;
  EXPECT_THROW(d->invoke_batch({{"getpid"}, {"kill", d->pid(), SIGKILL}, {"getpid"}}), ProcessGone);
  EXPECT_EQ(d->wait(patience).exit_signal, SIGKILL);
}

TEST_F(InvokeBatch, a_signal_that_it_sends_comes_afterwards) {
  for (const int signal : {SIGTRAP, SIGSEGV, SIGTERM}) {
    AtEntry d;
    const std::int64_t pid = d->pid();
    EXPECT_EQ(
        d->invoke_batch({{"getpid"}, {"tgkill", pid, pid, signal}, {"getpid"}, {"kill", pid, signal}, {"getpid"}}),
        (Results{pid, 0, pid, 0, pid}));
    d->cont();
    EXPECT_EQ(d->wait(patience).exit_signal, signal);
  }
}

TEST_F(InvokeBatch, works_without_memory_of_ours_as_far_as_that_goes) {
  AtEntry d;
  const rlimit nothing{.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
  rlimit before{};
  ASSERT_EQ(::prlimit(d->pid(), RLIMIT_AS, &nothing, &before), 0);
  EXPECT_EQ(d->invoke_batch({{"getpid"}, {"getppid"}, {"close", -1}}), (Results{d->pid(), ::getpid(), -EBADF}));
  EXPECT_THROW(d->invoke_batch({{"getpid"}, {"access", "/", F_OK}}), OsError);
  ASSERT_EQ(::prlimit(d->pid(), RLIMIT_AS, &before, nullptr), 0);
  EXPECT_EQ(d->invoke_batch({{"getpid"}, {"access", "/", F_OK}}), (Results{d->pid(), 0}));
  EXPECT_EQ(run_out(*d).exit_code, 0);
}

/// What is mapped in the process and was not before.
std::vector<MemoryMap> mapped_since(const Process& process, const MemoryMaps& before) {
  std::vector<MemoryMap> fresh;
  for (const MemoryMap& map : process.maps()) {
    if (before.at(map.start) == nullptr) fresh.push_back(map);
  }
  return fresh;
}

TEST_F(InvokeBatch, survives_calls_that_unmap_what_it_needs) {
  AtEntry d;
  const MemoryMaps before = d->maps();
  d->invoke_batch({{"getpid"}, {"access", "/", F_OK}});
  const std::vector<MemoryMap> ours = mapped_since(*d, before);
  ASSERT_EQ(ours.size(), 2U) << "code, and copies";
  for (const MemoryMap& map : ours) {
    EXPECT_NE(map.permissions(), "rwxp");
    EXPECT_THROW(d->invoke_batch({{"getpid"}, {"munmap", map.start, map.end - map.start}, {"getpid"}}), UsageError);
    EXPECT_EQ(d->invoke_batch({{"getpid"}, {"access", "/", F_OK}}), (Results{d->pid(), 0})) << "the next one";
  }
  EXPECT_EQ(run_out(*d).exit_code, 0) << "its registers are as before";
}

TEST_F(InvokeBatch, detach_leaves_nothing_behind) {
  HostChild child({tracee("echo")});
  ASSERT_EQ(child.read_line(), "ready");
  const std::string maps = "/proc/" + std::to_string(child.pid()) + "/maps";
  const std::string before = read_file(maps);
  Debugger d(DebuggerOptions{});
  d.attach(child.pid());
  // One that grows the scratch mapping while it is in use.
  const SyscallHandler handler = d.handle_syscall("getppid", {.on_enter = [](Thread& t, SyscallHandler&) {
                                                    const std::string long_path(60'000, '/');
                                                    t.invoke_batch({{"access", long_path, F_OK}, {"getpid"}});
                                                    t.invoke_syscall("access", std::string(200'000, '/'), F_OK);
                                                  }});
  char cwd[60'000] = {};
  EXPECT_EQ(d.invoke_batch({{"getpid"}, {"getcwd", cwd, sizeof cwd}, {"getppid"}, {"getpid"}})[0], child.pid());
  char name[4096] = {};
  d.invoke_syscall("getcwd", name, d.invoke_syscall("getppid") > 0 ? sizeof name : 0);
  EXPECT_NE(read_file(maps), before);
  d.detach();
  EXPECT_EQ(read_file(maps), before);
  child.send("a");
  EXPECT_EQ(child.read(1), "b");
  child.close_input();
  EXPECT_EQ(child.exit_status(), 0);
}

TEST_F(InvokeBatch, forked_children_have_none_of_its_memory) {
  Debugger d(program("family", {"fork"}));
  Stdio io = d.run(piped());
  const MemoryMaps before = d.maps();
  d.invoke_batch({{"getpid"}, {"access", "/", F_OK}});
  const std::vector<MemoryMap> ours = mapped_since(d, before);
  ASSERT_FALSE(ours.empty());
  std::size_t children = 0;
  d.on_fork([&](Thread&, Process& child) {
    ++children;
    for (const MemoryMap& map : ours) EXPECT_EQ(child.maps().at(map.start), nullptr);
    EXPECT_EQ(child.invoke_batch({{"getpid"}, {"access", "/", F_OK}}), (Results{child.pid(), 0}));
  });
  d.cont();
  EXPECT_EQ(rest_of_output(io), "10\n");
  EXPECT_EQ(children, 1U);
}

}  // namespace
}  // namespace trapline::live
