#include "support.hpp"

#include <sys/syscall.h>

namespace trapline::live {
namespace {

using Hijack = Live;

constexpr const char* the_secret = "the secret of the tracee\n";

DebuggerOptions one_call(long number) { return program("calls", {"1", std::to_string(number)}); }

TEST_F(Hijack, read_into_write_prints_the_secret) {
  Debugger d(program("secret"));
  const SyscallHandler handler = d.hijack_syscall("read", "write", {.arg0 = 1});
  EXPECT_EQ(run_for_output(d).output, the_secret);
  EXPECT_EQ(handler.hit_count(), 1U);
  EXPECT_EQ(handler.enter_count(), 1U);
  handler.disable();
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(handler.hit_count(), 0U);
}

TEST_F(Hijack, arguments_that_are_not_given_stay) {
  Debugger d(program("secret", {"1"}));
  d.hijack_syscall("read", "write");
  EXPECT_EQ(run_for_output(d).output, the_secret);
}

TEST_F(Hijack, by_numbers_and_with_all_arguments) {
  Debugger d(one_call(SYS_getppid));
  d.run(no_stdio());
  std::array<std::uint64_t, 6> args{};
  const HijackOptions options{.arg0 = 11, .arg1 = 12, .arg2 = 13, .arg3 = 14, .arg4 = 15, .arg5 = 16};
  d.hijack_syscall(SYS_getppid, SYS_getpid, options);
  d.handle_syscall("getppid", {.on_exit = [&](Thread& t, SyscallHandler&) {
                     for (unsigned i = 0; i < 6; ++i) args[i] = t.syscall_arg(i);
                     EXPECT_EQ(t.syscall_number(), SYS_getpid);
                     EXPECT_EQ(t.original_syscall(), SYS_getppid);
                     EXPECT_EQ(t.syscall_return(), d.pid());
                   }});
  const std::string output = run_for_output(d).output;
  EXPECT_EQ(output, std::to_string(d.pid()) + "\n");
  EXPECT_EQ(args, (std::array<std::uint64_t, 6>{11, 12, 13, 14, 15, 16}));
}

TEST_F(Hijack, to_itself_or_to_a_set_throws) {
  Debugger d(program("points"));
  EXPECT_THROW(d.hijack_syscall("read", "read"), UsageError);
  EXPECT_THROW(d.hijack_syscall("read", SYS_read), UsageError);
  EXPECT_THROW(d.hijack_syscall("uname", "newuname"), UsageError);
  EXPECT_THROW(d.hijack_syscall("read", "all"), UsageError);
  EXPECT_THROW(d.hijack_syscall("read", "*"), UsageError);
  EXPECT_THROW(d.hijack_syscall("read", "%file"), UsageError);
  EXPECT_THROW(d.hijack_syscall("read", "/^w/"), UsageError);
  EXPECT_THROW(d.hijack_syscall("raed", "write"), UsageError);
  EXPECT_THROW(d.hijack_syscall("read", "wriet"), UsageError);
}

bool is_not_exit(Thread& t) { return t.original_syscall() != SYS_exit_group; }

TEST_F(Hijack, all_leaves_out_the_replacement) {
  Debugger d(program("points"));
  const SyscallHandler same = d.hijack_syscall("all", announcement, {.condition = is_not_exit});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(same.hit_count(), 0U);
  same.remove();
  const SyscallHandler other = d.hijack_syscall("all", "getpid", {.condition = is_not_exit});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(other.hit_count(), 3U);
}

TEST_F(Hijack, handlers_of_the_replacement_do_not_run) {
  Debugger d(one_call(SYS_getppid));
  Transcript transcript;
  d.hijack_syscall("getppid", "getpid");
  const SyscallHandler replacement = d.handle_syscall("getpid", transcript.options());
  d.handle_syscall("getppid", transcript.options());
  const std::string output = run_for_output(d).output;
  EXPECT_EQ(output, std::to_string(d.pid()) + "\n");
  // The original's handler sees its call at both sides, with the number that is in force.
  EXPECT_EQ(transcript.text(), "enter getpid|exit getpid");
  EXPECT_EQ(replacement.enter_count(), 0U);
  EXPECT_EQ(replacement.hit_count(), 0U);
}

TEST_F(Hijack, unless_it_is_recursive) {
  Debugger d(one_call(SYS_getppid));
  Transcript transcript;
  d.hijack_syscall("getppid", "getpid", {.recursive = true});
  const SyscallHandler replacement = d.handle_syscall("getpid", transcript.options());
  const std::string output = run_for_output(d).output;
  EXPECT_EQ(output, std::to_string(d.pid()) + "\n");
  EXPECT_EQ(transcript.text(), "enter getpid|exit getpid");
  EXPECT_EQ(replacement.hit_count(), 1U);
}

TEST_F(Hijack, recursive_ones_form_chains) {
  Debugger d(one_call(SYS_getppid));
  d.hijack_syscall("getppid", "gettid", {.recursive = true});
  d.hijack_syscall("gettid", "getpgid", {.arg0 = 0x7fffffff, .recursive = true});
  EXPECT_EQ(run_for_output(d).output, "-3\n");
}

TEST_F(Hijack, a_handler_runs_once_in_a_chain) {
  Debugger d(one_call(SYS_getppid));
  Transcript transcript;
  d.handle_syscall("all", {.on_enter = transcript.note("all"),
                           .condition = [](Thread& t) { return t.original_syscall() == SYS_getppid; }});
  d.hijack_syscall("getppid", "getpid", {.recursive = true});
  d.handle_syscall("getpid", {.on_enter = transcript.note("one")});
  const std::string output = run_for_output(d).output;
  EXPECT_EQ(output, std::to_string(d.pid()) + "\n");
  EXPECT_EQ(transcript.size(), 2U) << transcript.text();
}

TEST_F(Hijack, handlers_that_write_the_number_can_be_recursive_too) {
  Debugger d(one_call(SYS_getppid));
  Transcript transcript;
  d.handle_syscall("getppid",
                   {.on_enter = [](Thread& t, SyscallHandler&) { t.set_syscall_number("getpid"); }, .recursive = true});
  d.handle_syscall("getpid", transcript.options());
  run_for_output(d);
  EXPECT_EQ(transcript.text(), "enter getpid|exit getpid");
}

TEST_F(Hijack, a_loop_throws_and_the_thread_stays_at_enter) {
  Debugger d(one_call(SYS_getpgid));
  const SyscallHandler there = d.hijack_syscall("getpgid", "getpid", {.recursive = true});
  const SyscallHandler back = d.hijack_syscall("getpid", "getpgid", {.recursive = true});
  Stdio io = d.run(piped());
  d.cont();
  const std::string message = message_of<Error>([&] { static_cast<void>(d.wait(patience)); });
  EXPECT_NE(message.find("loop"), std::string::npos) << message;
  EXPECT_FALSE(d.running());
  EXPECT_EQ(d.syscall_number(), SYS_getpgid);
  there.remove();
  back.remove();
  d.cont();
  EXPECT_GT(std::stol(rest_of_output(io)), 0);
  EXPECT_EQ(d.wait(patience).exit_code, 0);
}

TEST_F(Hijack, without_recursion_two_hijacks_are_no_loop) {
  Debugger d(one_call(SYS_getppid));
  d.hijack_syscall("getppid", "getpid");
  d.hijack_syscall("getpid", "getppid");
  const std::string output = run_for_output(d).output;
  EXPECT_EQ(output, std::to_string(d.pid()) + "\n");
}

TEST_F(Hijack, the_last_writer_wins) {
  Debugger d(one_call(SYS_getppid));
  d.hijack_syscall("getppid", "getpgid", {.arg0 = 0x7fffffff});
  d.hijack_syscall("getppid", "getpid");
  const std::string output = run_for_output(d).output;
  EXPECT_EQ(output, std::to_string(d.pid()) + "\n");
}

TEST_F(Hijack, several_into_one) {
  Debugger d(program("variety"));
  const SyscallHandler handler = d.hijack_syscall({"getppid", "socket", "%memory"}, "getpid");
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(handler.hit_count(), 4U);
}

TEST_F(Hijack, it_takes_the_options_of_every_trap) {
  const std::vector<std::pair<HijackOptions, std::size_t>> table = {
      {{.once = true}, 1},
      {{.ignore_count = 2}, 1},
      {{.condition = [](Thread& t) { return t.syscall_arg(0) == 0x7e570002; }}, 1},
      {{}, 3},
  };
  for (const auto& [options, hits] : table) {
    Debugger d(program("points"));
    const SyscallHandler handler = d.hijack_syscall(announcement, "getpid", options);
    std::size_t changed = 0;
    d.handle_syscall(announcement,
                     {.on_exit = [&](Thread& t, SyscallHandler&) { changed += t.syscall_number() == SYS_getpid; }});
    EXPECT_EQ(run_to_exit(d), 0);
    EXPECT_EQ(handler.hit_count(), hits);
    EXPECT_EQ(changed, hits);
  }
}

TEST_F(Hijack, a_syscall_that_does_not_return) {
  Debugger d(program("points"));
  const SyscallHandler handler = d.hijack_syscall(announcement, "exit_group", {.arg0 = 33});
  EXPECT_EQ(run_to_exit(d), 33);
  EXPECT_EQ(handler.enter_count(), 1U);
  EXPECT_EQ(handler.hit_count(), 0U);
}

}  // namespace
}  // namespace trapline::live
