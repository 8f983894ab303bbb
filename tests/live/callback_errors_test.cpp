#include "support.hpp"

#include <new>
#include <stdexcept>

#include <sys/syscall.h>

namespace trapline::live {
namespace {

using CallbackErrors = Live;

class Mine : public std::runtime_error {
 public:
  Mine() : std::runtime_error("mine"), value(4711) {}
  int value;
};

enum class Side { enter, exit };

class CallbackErrorsOf : public Live, public ::testing::WithParamInterface<Side> {
 protected:
  static SyscallOptions throwing() {
    SyscallOptions options{.once = true};
    (GetParam() == Side::enter ? options.on_enter : options.on_exit) = [](Thread&, SyscallHandler&) { throw Mine(); };
    return options;
  }
  static void expect_stopped_and_usable(Debugger& d) {
    EXPECT_FALSE(d.running());
    EXPECT_FALSE(d.dead());
    EXPECT_EQ(d.syscall_number(), SYS_getpgid);
    EXPECT_TRUE(d.main_thread().in_syscall() || GetParam() == Side::exit);
    EXPECT_EQ(d.invoke_syscall("getpid"), d.pid());
    EXPECT_EQ(run_out(d).exit_code, 0);
  }
};

TEST_P(CallbackErrorsOf, wait_rethrows_with_the_type_kept) {
  Debugger d(program("points"));
  d.handle_syscall(announcement, throwing());
  d.run(no_stdio());
  d.cont();
  try {
    static_cast<void>(d.wait(patience));
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Mine& mine) {
    EXPECT_EQ(mine.value, 4711);
  }
  expect_stopped_and_usable(d);
}

TEST_P(CallbackErrorsOf, or_the_next_command_does) {
  Debugger d(program("points"));
  d.handle_syscall(announcement, throwing());
  d.run(no_stdio());
  d.cont();
  EXPECT_THROW(static_cast<void>(d.main_thread().pc()), Mine);
  expect_stopped_and_usable(d);
}

TEST_P(CallbackErrorsOf, it_is_thrown_once) {
  Debugger d(program("points"));
  d.handle_syscall(announcement, throwing());
  d.run(no_stdio());
  d.cont();
  EXPECT_THROW(static_cast<void>(d.wait(patience)), Mine);
  EXPECT_NE(d.main_thread().pc(), 0U);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

INSTANTIATE_TEST_SUITE_P(At, CallbackErrorsOf, ::testing::Values(Side::enter, Side::exit),
                         [](const auto& at) { return at.param == Side::enter ? "enter" : "exit"; });

TEST_F(CallbackErrors, what_is_no_std_exception_comes_through_too) {
  Debugger d(program("points"));
  d.handle_syscall(announcement, {.on_enter = [](Thread&, SyscallHandler&) { throw 42; }, .once = true});
  d.run(no_stdio());
  d.cont();
  EXPECT_THROW(static_cast<void>(d.wait(patience)), int);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(CallbackErrors, of_a_condition_likewise) {
  Debugger d(program("points"));
  const SyscallHandler handler = d.handle_syscall(
      announcement, {.on_enter = [](Thread&, SyscallHandler&) {}, .condition = [](Thread&) -> bool { throw Mine(); }});
  d.run(no_stdio());
  d.cont();
  EXPECT_THROW(static_cast<void>(d.wait(patience)), Mine);
  handler.remove();
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(CallbackErrors, of_our_own_calls_in_a_callback) {
  Debugger d(program("points"));
  d.handle_syscall(announcement,
                   {.on_enter = [](Thread& t, SyscallHandler&) { t.set_syscall_return(1); }, .once = true});
  d.run(no_stdio());
  d.cont();
  EXPECT_THROW(static_cast<void>(d.wait(patience)), UsageError);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(CallbackErrors, during_an_invocation_reach_the_invoker) {
  Debugger d(program("points"));
  d.run(no_stdio());
  const SyscallHandler handler =
      d.handle_syscall("getpid", {.on_enter = [](Thread&, SyscallHandler&) { throw Mine(); }, .once = true});
  bool thrown = false;
  try {
    d.invoke_syscall("getpid");
    static_cast<void>(d.main_thread().pc());
  } catch (const Mine&) {
    thrown = true;
  }
  EXPECT_TRUE(thrown);
  handler.remove();
  EXPECT_EQ(d.invoke_syscall("getpid"), d.pid());
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(CallbackErrors, of_several_threads_do_not_get_lost_or_hang) {
  Debugger d(program("threads", {"8", "50"}));
  const SyscallHandler handler =
      d.handle_syscall("sched_yield", {.on_enter = [](Thread&, SyscallHandler&) { throw Mine(); }});
  d.run(no_stdio());
  for (int i = 0; i < 20; ++i) {
    d.cont();
    EXPECT_THROW(static_cast<void>(d.wait(patience)), Mine);
  }
  handler.remove();
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(CallbackErrors, do_not_hinder_kill_run_or_the_destructor) {
  Debugger d(program("points"));
  d.handle_syscall(announcement, {.on_enter = [](Thread&, SyscallHandler&) { throw Mine(); }});
  d.run(no_stdio());
  d.cont();
  EXPECT_THROW(static_cast<void>(d.wait(patience)), Mine);
  d.kill();
  EXPECT_TRUE(d.dead());
  d.run(no_stdio());
  d.cont();
}

}  // namespace
}  // namespace trapline::live
