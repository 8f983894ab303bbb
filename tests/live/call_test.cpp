#include "support.hpp"

#include <csignal>
#include <cstring>

#include <sys/syscall.h>
#include <unistd.h>

namespace trapline::live {
namespace {

/// Functions of the program that are called from outside: arguments, results, and how a call ends.
using Call = Live;

/// The program at the first of its two announcements, where all of it is ready.
class AtPoint {
 public:
  explicit AtPoint(std::vector<std::string> args = {}) : debugger_(program("functions", std::move(args))) {
    io_.emplace(debugger_.run(piped()));
    to_announcement(debugger_);
  }
  Debugger* operator->() { return &debugger_; }
  Debugger& operator*() { return debugger_; }
  [[nodiscard]] Stdio& io() { return *io_; }
  /// How the program ends when it was not disturbed.
  int end() { return run_out(debugger_).exit_code.value_or(-1); }

 private:
  Debugger debugger_;
  std::optional<Stdio> io_;
};

TEST_F(Call, integers_and_pointers) {
  AtPoint d;
  EXPECT_EQ(d->call<int>("add", 2, -5), -3);
  EXPECT_EQ(d->call<void*>("identity", nullptr), nullptr);
  EXPECT_EQ(d->call("identity", Address{0x12345678}), 0x12345678U);
  EXPECT_TRUE(d->call<bool>("is_even", 4));
  EXPECT_FALSE(d->call<bool>("is_even", 3));
  EXPECT_EQ(d->call<signed char>("minus", static_cast<signed char>(5)), -5);
  EXPECT_EQ(d->call<long long>("wide_minus", 5LL), -5);
  EXPECT_EQ(d->call<long long>("wide_minus", -(1LL << 40)), 1LL << 40);
  EXPECT_EQ(d->call<int>(d->symbols().resolve("add"), 40, 2), 42) << "by its address";
  EXPECT_EQ(d->call<int>(Location("add").in("functions"), 40, 2), 42);
  EXPECT_EQ(d->call<pid_t>("getpid"), d->pid());
  EXPECT_EQ(d.end(), 0);
}

TEST_F(Call, more_arguments_than_registers) {
  AtPoint d;
  EXPECT_EQ(d->call<long long>("eight", 1, 2LL, short{3}, 4U, 5L, 6, 7LL, static_cast<signed char>(-8)), -72345679);
  EXPECT_EQ(d->call<double>("ten_doubles", 1., 2., 3., 4., 5., 6., 7., 8., 9., 10.), 385.);
  EXPECT_EQ(d.end(), 0);
}

TEST_F(Call, floating_point_numbers) {
  AtPoint d;
  EXPECT_EQ(d->call<double>("mixed", 1, 2.0, 3.0F, 4L, 5.0, 6), 654321.);
  EXPECT_EQ(d->call<float>("half", 3.0F), 1.5F);
  EXPECT_EQ(d->call<long double>("third", 3.0L, 4, 0.5L), 5.5L);
  EXPECT_EQ(d->call<int>("sum_of", 4, 1, 2.5, 3, 4.5), 11) << "a variadic function";
  EXPECT_EQ(d.end(), 0);
}

struct Point {
  std::int32_t x, y;
  double weight;
};

TEST_F(Call, what_is_passed_by_address_comes_back) {
  AtPoint d;
  EXPECT_EQ(d->call("length", "hello"), 5U);
  std::string text = "hello";
  d->call<void>("upper", text);
  EXPECT_EQ(text, "HELLO");
  Point point{.x = 1, .y = 2, .weight = 3.5};
  d->call<void>("mirror", point);
  EXPECT_EQ(point.x, 2);
  EXPECT_EQ(point.weight, -3.5);
  const Bytes bytes(100, std::byte{3});
  EXPECT_EQ(d->call<int>("checksum", bytes, bytes.size()), 300);
  const std::string large(1 << 20, 'x');
  EXPECT_EQ(d->call("length", large), large.size()) << "more than a stack may hold";
  EXPECT_EQ(d.end(), 0);
}

TEST_F(Call, the_stack_is_aligned) {
  AtPoint d;
  EXPECT_EQ(d->call("alignment"), 0U);
  EXPECT_EQ(d->call("alignment", "a copy"), 0U);
  EXPECT_EQ(d->call("alignment", 1, 2, 3, 4, 5, 6, 7), 0U);
  EXPECT_EQ(d->call("alignment", 1, 2, 3, 4, 5, 6, 7, 8, 9.5L, "text"), 0U);
}

TEST_F(Call, functions_that_are_chosen_when_they_are_linked) {
  AtPoint d;
  EXPECT_EQ(d->call("strlen", "indirect"), 8U);
  EXPECT_EQ(d->call("strlen", "again"), 5U);
  std::string into(5, '-');
  d->call("memcpy", into, "12345", 3);
  EXPECT_EQ(into, "123--");
  EXPECT_EQ(d.end(), 0);
}

TEST_F(Call, unknown_names_and_places) {
  AtPoint d;
  EXPECT_NE(message_of<SymbolError>([&] { d->call("ad"); }).find("add"), std::string::npos);
  const Allocation memory = d->allocate(16);
  const std::string text = message_of<CallInterrupted>([&] { d->call(memory.address()); });
  EXPECT_NE(text.find("SIGSEGV"), std::string::npos) << "it is not executable";
  EXPECT_EQ(d.end(), 0);
}

TEST_F(Call, its_effects_stay) {
  AtPoint d;
  d->call<void>("increment");
  d->call<void>("increment");
  EXPECT_EQ(d->memory().read_value<int>(d->symbols().resolve("counter")), 2);
  const Address memory = d->call("malloc", 32);
  ASSERT_NE(memory, 0U);
  d->memory().write(memory, "written");
  EXPECT_EQ(d->call("length", memory), 7U);
  d->call<void>("free", memory);
  EXPECT_EQ(d->call<int>("setenv", "NAME", "value", 1), 0);
  EXPECT_EQ(d->memory().read_string(d->call("getenv", "NAME")), "value");
  EXPECT_EQ(d.end(), 0);
}

void expect_crash(Debugger& d, int how, int signal) {
  const Thread t = d.main_thread();
  const Address pc = t.pc();
  try {
    d.call<int>("crash", how);
    ADD_FAILURE() << "no signal " << signal;
  } catch (const CallInterrupted& error) {
    EXPECT_EQ(error.stop().kind, StopKind::signal);
    EXPECT_EQ(error.stop().signal, signal);
    EXPECT_EQ(error.thread(), CallInterrupted::Thread::back);
    EXPECT_EQ(error.stop().address, how == 0 ? 8U : error.stop().address);
  }
  EXPECT_EQ(t.pc(), pc);
  EXPECT_FALSE(t.in_call());
}

TEST_F(Call, one_that_crashes_leaves_the_program_alive) {
  AtPoint d;
  for (int i = 0; i < 3; ++i) {
    expect_crash(*d, 0, SIGSEGV);
    expect_crash(*d, 1, SIGABRT);
    expect_crash(*d, 2, SIGUSR2);
    expect_crash(*d, 3, SIGILL);
    EXPECT_EQ(d->call<int>("add", 1, 2), 3);
  }
  EXPECT_EQ(d.end(), 0);
}

TEST_F(Call, a_signal_from_outside_that_kills_is_still_to_come) {
  AtPoint d;
  const Breakpoint breakpoint =
      d->breakpoint("increment", {.callback = [](Thread& t, Breakpoint&) { t.send_signal(SIGTERM); }});
  EXPECT_THROW(d->call<void>("increment"), CallInterrupted);
  EXPECT_EQ(breakpoint.hit_count(), 1U);
  EXPECT_EQ(run_out(*d).exit_signal, SIGTERM);
}

TEST_F(Call, signals_that_the_program_handles_are_handled) {
  AtPoint d;
  const SignalCatcher catcher = d->catch_signal("SIGUSR1", {.callback = [](Thread&, SignalCatcher&) {}});
  EXPECT_EQ(d->call<int>("signal_itself"), 1);
  EXPECT_EQ(d->call<int>("signal_itself"), 2);
  EXPECT_EQ(catcher.hit_count(), 2U);
  EXPECT_EQ(d.end(), 0);
}

TEST_F(Call, one_that_takes_too_long_is_left) {
  AtPoint d;
  for (const char* name : {"forever", "sleeps"}) {
    const Address pc = d->main_thread().pc();
    EXPECT_THROW(d->call<void>({.timeout = 30ms}, name), TimedOut) << name;
    EXPECT_EQ(d->main_thread().pc(), pc) << name;
    EXPECT_EQ(d->call<int>({.timeout = patience}, "add", 1, 2), 3);
  }
  EXPECT_EQ(d.end(), 0);
}

TEST_F(Call, handled_syscalls_in_a_loop_time_out_too) {
  AtPoint d;
  d->handle_syscall("all", {.on_enter = [](Thread&, SyscallHandler&) {}});
  EXPECT_THROW(d->call<void>({.timeout = 30ms}, "ask_forever"), TimedOut);
  EXPECT_EQ(d.end(), 0);
}

TEST_F(Call, one_that_ends_the_process) {
  AtPoint d;
  EXPECT_NE(message_of<ProcessGone>([&] { d->call<void>("end_process", 5); }).find("status 5"), std::string::npos);
  EXPECT_TRUE(d->dead());
  EXPECT_EQ(d->exit_code(), 5);
  EXPECT_THROW(d->call("add", 1, 2), ProcessGone);
}

TEST_F(Call, one_that_executes_another_program) {
  AtPoint d;
  int programs = 0;
  d->on_exec([&](Thread&) { ++programs; });
  try {
    d->call<int>("another_program", tracee("exit_with"));
    ADD_FAILURE() << "it returned";
  } catch (const CallInterrupted& error) {
    EXPECT_EQ(error.stop().kind, StopKind::exec);
    EXPECT_EQ(error.thread(), CallInterrupted::Thread::elsewhere);
  }
  EXPECT_EQ(programs, 1);
  EXPECT_FALSE(d->main_thread().in_call());
  EXPECT_EQ(run_out(*d).kind, StopKind::exited);
}

TEST_F(Call, one_that_fails_to_execute_returns) {
  AtPoint d;
  EXPECT_EQ(d->call<int>("another_program", "/no/such/program"), -1);
  EXPECT_EQ(d.end(), 0);
}

TEST_F(Call, children_of_a_function) {
  AtPoint d;
  EXPECT_EQ(d->call<int>("fork_and_wait"), 5);
  EXPECT_EQ(d->call<int>("run_command", "exit 3"), 3);
  // Its child returns too, to where nothing is for it.
  const pid_t child = d->call<pid_t>("fork_and_return");
  EXPECT_GT(child, 0);
  EXPECT_TRUE(eventually([&] { return gone(child); }));
  EXPECT_EQ(d.end(), 0);
}

TEST_F(Call, it_jumps_out_of_it) {
  AtPoint d;
  // What it jumps to is the program, which goes on and ends.
  EXPECT_THROW(d->call<int>("jump_out"), ProcessGone);
  EXPECT_EQ(d->exit_code(), 9);
}

TEST_F(Call, killed_in_the_middle) {
  AtPoint d;
  const Breakpoint breakpoint =
      d->breakpoint("increment", {.callback = [](Thread& t, Breakpoint&) { t.process().kill(); }});
  EXPECT_THROW(d->call<void>("increment"), ProcessGone);
  EXPECT_TRUE(d->dead());
  EXPECT_EQ(d->exit_signal(), SIGKILL);
}

TEST_F(Call, killed_from_outside_in_the_middle) {
  AtPoint d;
  const pid_t pid = d->pid();
  d->breakpoint("increment", {.callback = [=](Thread&, Breakpoint&) { ::kill(pid, SIGKILL); }});
  EXPECT_THROW(d->call<void>("increment"), ProcessGone);
  EXPECT_EQ(d->wait(patience).exit_signal, SIGKILL);
}

TEST_F(Call, let_go_in_the_middle) {
  HostChild child({tracee("functions"), "wait"});
  Debugger d(command({}));
  ASSERT_TRUE(eventually([&] { return state_of(child.pid()) == 'S'; }));
  d.attach(child.pid());
  d.breakpoint("increment", {.callback = [](Thread& t, Breakpoint&) { t.process().detach(); }});
  EXPECT_THROW(d.call<void>("increment"), ProcessGone);
  EXPECT_TRUE(eventually([&] { return tracer_of(child.pid()) == 0; }));
  child.send("x");
  EXPECT_EQ(child.exit_status(), 0);
}

TEST_F(Call, let_go_while_interrupted) {
  HostChild child({tracee("functions"), "wait"});
  Debugger d(command({}));
  ASSERT_TRUE(eventually([&] { return state_of(child.pid()) == 'S'; }));
  d.attach(child.pid());
  d.breakpoint("increment");
  EXPECT_THROW(d.call<void>("increment"), CallInterrupted);
  EXPECT_TRUE(d.main_thread().in_call());
  d.detach();
  child.send("x");
  EXPECT_EQ(child.exit_status(), 0);
}

TEST_F(Call, an_exception_of_a_callback_ends_it) {
  AtPoint d;
  const Breakpoint breakpoint =
      d->breakpoint("increment", {.callback = [](Thread&, Breakpoint&) { throw std::range_error("mine"); }});
  EXPECT_THROW(d->call<void>("increment"), std::range_error);
  EXPECT_FALSE(d->main_thread().in_call());
  EXPECT_EQ(d.end(), 0);
}

TEST_F(Call, many_times) {
  AtPoint d;
  const Address add = d->symbols().resolve("add");
  d->on_tracer([&] {
    for (int i = 0; i < 2000; ++i) ASSERT_EQ(d->call<int>(add, i, 1), i + 1);
  });
  EXPECT_EQ(d.end(), 0);
}

TEST_F(Call, nothing_is_left_after_a_detach) {
  HostChild child({tracee("functions"), "wait"});
  ASSERT_TRUE(eventually([&] { return state_of(child.pid()) == 'S'; }));
  const std::string maps = "/proc/" + std::to_string(child.pid()) + "/maps";
  const std::string before = read_file(maps);
  Debugger d(command({}));
  d.attach(child.pid());
  EXPECT_EQ(d.call<int>("add", 1, 2), 3);
  EXPECT_EQ(d.call("length", std::string(100000, 'x')), 100000U);
  d.detach();
  EXPECT_EQ(read_file(maps), before);
  child.send("x");
  EXPECT_EQ(child.exit_status(), 0);
}

}  // namespace
}  // namespace trapline::live
