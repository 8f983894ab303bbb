#include "support.hpp"

#include <csignal>
#include <cstring>
#include <sstream>
#include <vector>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace trapline::live {
namespace {

using SyscallChange = Live;

/// The arguments of `calls`: make this syscall `count` times.
DebuggerOptions calls(int count, long number, const std::vector<long>& args = {}) {
  std::vector<std::string> words = {std::to_string(count), std::to_string(number)};
  for (const long arg : args) words.push_back(std::to_string(arg));
  return program("calls", words);
}

/// What the program saw when its syscall was handled so.
std::string seen(DebuggerOptions options, const SyscallSet& which, SyscallOptions handler) {
  Debugger d(std::move(options));
  d.handle_syscall(which, std::move(handler));
  const Finished finished = run_for_output(d);
  EXPECT_EQ(finished.status, 0);
  return finished.output;
}

TEST_F(SyscallChange, number_at_enter) {
  Debugger d(calls(1, SYS_getppid));
  std::int64_t at_exit = 0;
  std::int64_t original = 0;
  d.handle_syscall("getppid", {.on_enter = [](Thread& t, SyscallHandler&) { t.set_syscall_number(SYS_getpid); },
                               .on_exit =
                                   [&](Thread& t, SyscallHandler&) {
                                     at_exit = t.syscall_number();
                                     original = t.original_syscall();
                                   }});
  const std::string output = run_for_output(d).output;
  EXPECT_EQ(output, std::to_string(d.pid()) + "\n");
  EXPECT_EQ(at_exit, SYS_getpid);
  EXPECT_EQ(original, SYS_getppid);
}

TEST_F(SyscallChange, number_by_name) {
  Debugger d(calls(1, SYS_getppid));
  d.handle_syscall("getppid", {.on_enter = [](Thread& t, SyscallHandler&) { t.set_syscall_number("getpid"); }});
  const std::string output = run_for_output(d).output;
  EXPECT_EQ(output, std::to_string(d.pid()) + "\n");
}

TEST_F(SyscallChange, all_six_arguments) {
  const std::array<std::uint64_t, 6> good = {
      0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, static_cast<std::uint64_t>(-1), 0};
  std::array<std::uint64_t, 6> at_enter{};
  std::array<std::uint64_t, 6> at_exit{};
  const std::string output = seen(calls(1, SYS_mmap, {1, 2, 3, 4, 5, 6}), "mmap",
                                  {.on_enter =
                                       [&](Thread& t, SyscallHandler&) {
                                         for (unsigned i = 0; i < 6; ++i) {
                                           at_enter[i] = t.syscall_arg(i);
                                           t.set_syscall_arg(i, good[i]);
                                           EXPECT_EQ(t.syscall_arg(i), good[i]);
                                         }
                                       },
                                   .on_exit =
                                       [&](Thread& t, SyscallHandler&) {
                                         for (unsigned i = 0; i < 6; ++i) at_exit[i] = t.syscall_arg(i);
                                       },
                                   // The program's own libraries map memory too.
                                   .condition = [](Thread& t) { return t.syscall_arg(0) == 1; }});
  EXPECT_EQ(at_enter, (std::array<std::uint64_t, 6>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(at_exit, good);
  EXPECT_GT(std::stoll(output), 0) << "the kernel did not see the new arguments";
}

TEST_F(SyscallChange, result_at_exit) {
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{12345}, std::int64_t{-13}, std::int64_t{1} << 40}) {
    std::int64_t kernel = 0;
    const std::string output = seen(calls(1, SYS_getppid), "getppid", {.on_exit = [&](Thread& t, SyscallHandler&) {
                                      kernel = t.syscall_return();
                                      t.set_syscall_return(value);
                                      EXPECT_EQ(t.syscall_return(), value);
                                    }});
    EXPECT_EQ(output, std::to_string(value) + "\n");
    EXPECT_EQ(kernel, ::getpid());
  }
}

TEST_F(SyscallChange, the_wrong_side_throws) {
  Debugger d(program("points", {"1"}));
  d.handle_syscall(announcement);
  d.run(no_stdio());
  Thread t = next_stop(d).thread;
  EXPECT_THROW(static_cast<void>(t.syscall_return()), UsageError);
  EXPECT_THROW(t.set_syscall_return(0), UsageError);
  EXPECT_THROW(static_cast<void>(t.syscall_arg(6)), UsageError);
  EXPECT_THROW(t.set_syscall_arg(6, 0), UsageError);
  t = next_stop(d).thread;
  EXPECT_THROW(t.set_syscall_number(1), UsageError);
  EXPECT_THROW(t.set_syscall_number("write"), UsageError);
  EXPECT_THROW(t.set_syscall_arg(0, 0), UsageError);
  EXPECT_THROW(t.skip_syscall(0), UsageError);
  EXPECT_THROW(t.fail_syscall(ENOENT), UsageError);
  EXPECT_EQ(t.syscall_return(), -ESRCH);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(SyscallChange, away_from_a_stop_there_is_nothing_to_skip) {
  Debugger d(program("points"));
  d.run(no_stdio());
  const Thread t = d.main_thread();
  EXPECT_FALSE(t.in_syscall());
  EXPECT_THROW(static_cast<void>(t.original_syscall()), UsageError);
  EXPECT_THROW(t.skip_syscall(0), UsageError);
  EXPECT_THROW(t.fail_syscall(ENOENT), UsageError);
  EXPECT_THROW(t.set_syscall_number("no_such_call"), UsageError);
}

TEST_F(SyscallChange, the_debugger_means_the_main_thread) {
  Debugger d(calls(1, SYS_getpgid, {5}));
  d.handle_syscall("getpgid");
  Stdio io = d.run(piped());
  next_stop(d);
  EXPECT_EQ(d.syscall_number(), SYS_getpgid);
  EXPECT_EQ(d.syscall_arg(0), 5U);
  d.set_syscall_arg(0, 0x7fffffff);
  next_stop(d);
  EXPECT_EQ(d.syscall_return(), -ESRCH);
  d.set_syscall_return(4);
  d.cont();
  EXPECT_EQ(rest_of_output(io), "4\n");
}

TEST_F(SyscallChange, negative_and_unknown_numbers) {
  for (const long number : {-1L, -2L, 100000L}) {
    Transcript transcript;
    const std::string output =
        seen(calls(1, number), "all",
             {.on_enter = [&](Thread& t, SyscallHandler&) { transcript.add(std::to_string(t.syscall_number())); },
              .on_exit = [&](Thread& t, SyscallHandler&) { transcript.add(std::to_string(t.syscall_return())); }});
    EXPECT_EQ(output, "-38\n");
    EXPECT_NE(transcript.text().find(std::to_string(number) + "|-38|"), std::string::npos) << transcript.text();
  }
  EXPECT_EQ(seen(calls(1, SYS_getppid), "getppid",
                 {.on_enter = [](Thread& t, SyscallHandler&) { t.set_syscall_number(-1); }}),
            "-38\n");
}

/// umask returns the mask before: whether the kernel ran the first of two calls shows in the second's result.
constexpr long first_mask = 0123;

TEST_F(SyscallChange, skip_keeps_it_from_the_kernel) {
  const std::string host_mask = seen(calls(1, SYS_umask, {0}), "getppid", {});
  for (const std::int64_t value : {std::int64_t{5}, std::int64_t{0}, std::int64_t{-1000}, std::int64_t{1} << 50}) {
    EXPECT_EQ(seen(calls(2, SYS_umask, {first_mask}), "umask",
                   {.on_enter = [&](Thread& t, SyscallHandler&) { t.skip_syscall(value); }, .once = true}),
              std::to_string(value) + "\n" + host_mask);
  }
}

TEST_F(SyscallChange, fail_does_too) {
  const std::string host_mask = seen(calls(1, SYS_umask, {0}), "getppid", {});
  EXPECT_EQ(seen(calls(2, SYS_umask, {first_mask}), "umask",
                 {.on_enter = [](Thread& t, SyscallHandler&) { t.fail_syscall(ENOENT); }, .once = true}),
            "-2\n" + host_mask);
}

TEST_F(SyscallChange, fail_takes_an_errno_value) {
  Debugger d(program("points", {"1"}));
  int refused = 0;
  d.handle_syscall(announcement, {.on_enter = [&](Thread& t, SyscallHandler&) {
                     for (const int wrong : {0, -2, 5000}) {
                       EXPECT_THROW(t.fail_syscall(wrong), UsageError);
                       ++refused;
                     }
                   }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(refused, 3);
}

TEST_F(SyscallChange, all_handlers_still_see_a_skipped_call) {
  Debugger d(calls(1, SYS_umask, {first_mask}));
  Transcript transcript;
  const auto result = [&](const char* who) {
    return [&transcript, who](Thread& t, SyscallHandler&) {
      transcript.add(std::string(who) + " " + std::to_string(t.syscall_return()));
    };
  };
  d.handle_syscall("umask",
                   {.on_enter = [](Thread& t, SyscallHandler&) { t.skip_syscall(6); }, .on_exit = result("a")});
  const SyscallHandler later = d.handle_syscall(
      "umask", {.on_enter = [&](Thread& t, SyscallHandler&) { transcript.add(std::to_string(t.syscall_arg(0))); },
                .on_exit = [](Thread& t, SyscallHandler&) { t.set_syscall_return(t.syscall_return() + 1); }});
  d.handle_syscall("umask", {.on_exit = result("c")});
  EXPECT_EQ(run_for_output(d).output, "7\n");
  EXPECT_EQ(transcript.text(), "83|a 6|c 7");
  EXPECT_EQ(later.hit_count(), 1U);
}

TEST_F(SyscallChange, the_last_skip_wins) {
  Debugger d(calls(1, SYS_umask));
  d.handle_syscall("umask", {.on_enter = [](Thread& t, SyscallHandler&) { t.skip_syscall(6); }});
  d.handle_syscall("umask", {.on_enter = [](Thread& t, SyscallHandler&) { t.fail_syscall(EPERM); }});
  EXPECT_EQ(run_for_output(d).output, "-1\n");
}

TEST_F(SyscallChange, writing_the_number_unskips) {
  EXPECT_EQ(seen(calls(1, SYS_getpgid, {0x7fffffff}), "getpgid",
                 {.on_enter =
                      [](Thread& t, SyscallHandler&) {
                        t.skip_syscall(6);
                        t.set_syscall_number(SYS_getpgid);
                      }}),
            "-3\n");
}

TEST_F(SyscallChange, writing_its_register_unskips_too) {
  Debugger d(calls(1, SYS_getppid));
  d.handle_syscall("getppid", {.on_enter = [](Thread& t, SyscallHandler&) {
                     t.skip_syscall(6);
                     t.regs().set_orig_rax(SYS_getpid);
                   }});
  const std::string output = run_for_output(d).output;
  EXPECT_EQ(output, std::to_string(d.pid()) + "\n");
}

TEST_F(SyscallChange, skip_and_change_at_synchronous_stops) {
  Debugger d(calls(2, SYS_getppid));
  d.handle_syscall("getppid");
  Stdio io = d.run(piped());
  next_stop(d).thread.skip_syscall(71);
  const Stop stop = next_stop(d);
  EXPECT_EQ(stop.kind, StopKind::syscall_exit);
  EXPECT_EQ(stop.thread.syscall_return(), 71);
  next_stop(d);
  next_stop(d).thread.set_syscall_return(72);
  d.cont();
  EXPECT_EQ(rest_of_output(io), "71\n72\n");
  EXPECT_EQ(d.wait(patience).exit_code, 0);
}

TEST_F(SyscallChange, open_another_file_and_change_the_result) {
  const ScratchDir dir;
  const std::string a = dir.file("a", "content of a");
  const std::string b = dir.file("b", "content of b");
  Debugger d(program("open_path", {a, b}));
  d.run(no_stdio());
  const SyscallHandler redirect = d.handle_syscall("openat", {.on_enter = [&](Thread& t, SyscallHandler&) {
                                                     if (t.memory().read_string(t.syscall_arg(1)) != a) return;
                                                     t.set_syscall_arg(1, d.symbols().resolve("path_b"));
                                                   }});
  EXPECT_EQ(run_for_output(d).output, "content of b");
  redirect.remove();
  const SyscallHandler fail = d.handle_syscall("openat", {.on_exit = [&](Thread& t, SyscallHandler&) {
                                                 if (t.memory().read_string(t.syscall_arg(1)) != a) return;
                                                 t.set_syscall_return(-EMFILE);
                                               }});
  const Finished failed = run_for_output(d);
  EXPECT_EQ(failed.output, std::to_string(-EMFILE) + "\n");
  EXPECT_EQ(failed.status, 1);
}

TEST_F(SyscallChange, write_over_the_path_in_memory) {
  const ScratchDir dir;
  const std::string a = dir.file("a", "content of a");
  const std::string b = dir.file("b", "content of b");
  Debugger d(program("open_path", {a, "unused"}));
  d.handle_syscall("openat", {.on_enter = [&](Thread& t, SyscallHandler&) {
                     if (t.memory().read_string(t.syscall_arg(1)) == a) t.memory().write(t.syscall_arg(1), b);
                   }});
  EXPECT_EQ(run_for_output(d).output, "content of b");
}

TEST_F(SyscallChange, a_tracee_with_an_allow_list_survives) {
  const std::vector<std::pair<SyscallCallback, std::string>> table = {
      {[](Thread& t, SyscallHandler&) { t.skip_syscall(55); }, "55"},
      {[](Thread& t, SyscallHandler&) { t.fail_syscall(ENOENT); }, "-2"},
      {[](Thread& t, SyscallHandler&) {
         t.set_syscall_number("read");
         t.set_syscall_arg(0, static_cast<std::uint64_t>(-1));
       },
       "-9"},
  };
  for (const auto& [callback, result] : table) {
    Debugger d(program("seccomp_strict"));
    d.handle_syscall("getppid", {.on_enter = callback});
    const Finished finished = run_for_output(d);
    EXPECT_EQ(finished.output, result + "\n-9\n-9\n");
    EXPECT_EQ(finished.status, 7);
  }
}

TEST_F(SyscallChange, an_allowed_call_can_be_skipped_there_too) {
  for (const char* name : {"read", "write"}) {
    Debugger d(program("seccomp_strict", {"allowed"}));
    d.handle_syscall(name, {.on_enter = [](Thread& t, SyscallHandler&) { t.skip_syscall(5); },
                            .condition = [](Thread& t) { return static_cast<int>(t.syscall_arg(0)) == -1; }});
    const Finished finished = run_for_output(d);
    EXPECT_EQ(finished.output, std::string(name) == "read" ? "-9\n5\n" : "5\n-9\n");
    EXPECT_EQ(finished.status, 7);
  }
}

TEST_F(SyscallChange, its_handlers_see_the_results_of_calls) {
  Debugger d(program("seccomp_strict", {"allowed"}));
  std::vector<std::int64_t> results;
  const SyscallHandler handler = d.handle_syscall(
      "write", {.on_exit = [&](Thread& t, SyscallHandler&) { results.push_back(t.syscall_return()); }});
  EXPECT_EQ(run_for_output(d).output, "-9\n-9\n");
  EXPECT_EQ(results, (std::vector<std::int64_t>{-EBADF, 3, 3}));
  EXPECT_EQ(handler.hit_count(), 3U);
}

TEST_F(SyscallChange, its_allow_list_still_kills_what_nobody_changed) {
  Debugger d(program("seccomp_strict"));
  d.handle_syscall("all", {.on_enter = [](Thread&, SyscallHandler&) {}, .on_exit = [](Thread&, SyscallHandler&) {}});
  d.run(no_stdio());
  EXPECT_EQ(run_out(d).exit_signal, SIGSYS);
}

TEST_F(SyscallChange, the_result_of_sigreturn_is_not_writable) {
  Debugger d(program("signal_info"));
  bool refused = false;
  const SyscallHandler handler = d.handle_syscall("rt_sigreturn", {.on_exit = [&](Thread& t, SyscallHandler&) {
                                                    EXPECT_THROW(t.set_syscall_return(1), UsageError);
                                                    refused = true;
                                                  }});
  d.run(no_stdio());
  to_announcement_exit(d);
  ASSERT_EQ(::kill(d.pid(), SIGUSR1), 0);
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_TRUE(refused);
  EXPECT_EQ(handler.hit_count(), 1U);
}

}  // namespace
}  // namespace trapline::live
