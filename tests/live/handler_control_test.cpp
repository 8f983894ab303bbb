#include "support.hpp"

namespace trapline::live {
namespace {

/// Enabling, removing, filtering and replacing handlers, at rest and in the middle of a call.
using HandlerControl = Live;

void nothing(Thread&, SyscallHandler&) {}

/// The number of the announcement that a thread makes.
std::uint64_t point_of(const Thread& thread) { return thread.syscall_arg(0) - 0x7e570000; }

/// A callback that adds "word N" for the announcement N.
SyscallCallback points_into(Transcript& transcript, std::string word) {
  return [&transcript, word = std::move(word)](Thread& thread, SyscallHandler&) {
    transcript.add(word + " " + std::to_string(point_of(thread)));
  };
}

TEST_F(HandlerControl, disabled_ones_see_nothing) {
  Debugger d(program("points", {"4"}));
  Transcript transcript;
  const SyscallHandler handler = d.handle_syscall(announcement, {.on_enter = points_into(transcript, "enter")});
  EXPECT_TRUE(handler.enabled());
  handler.disable();
  EXPECT_FALSE(handler.enabled());
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "");
  handler.enable();
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "enter 1|enter 2|enter 3|enter 4");
}

TEST_F(HandlerControl, disabled_in_mid_call_it_sees_no_exit) {
  Debugger d(program("points", {"3"}));
  Transcript transcript;
  std::optional<SyscallHandler> handler;
  handler = d.handle_syscall(announcement, {.on_enter =
                                                [&](Thread& thread, SyscallHandler& self) {
                                                  transcript.add("enter " + std::to_string(point_of(thread)));
                                                  if (point_of(thread) == 2) self.disable();
                                                },
                                            .on_exit = points_into(transcript, "exit")});
  // Enabled again before the exit of call 2 is over: the call stays unseen.
  d.handle_syscall(announcement, {.on_exit = [&](Thread&, SyscallHandler&) { handler->enable(); }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "enter 1|exit 1|enter 2|enter 3|exit 3");
  EXPECT_EQ(handler->enter_count(), 3U);
  EXPECT_EQ(handler->hit_count(), 2U);
}

TEST_F(HandlerControl, removed_in_its_own_callback) {
  Debugger d(program("points", {"3"}));
  Transcript transcript;
  const SyscallHandler handler = d.handle_syscall(announcement, {.on_enter =
                                                                     [&](Thread& thread, SyscallHandler& self) {
                                                                       points_into(transcript, "enter")(thread, self);
                                                                       self.remove();
                                                                     },
                                                                 .on_exit = points_into(transcript, "exit")});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "enter 1");
  EXPECT_EQ(handler.enter_count(), 1U);
  EXPECT_EQ(handler.hit_count(), 0U);
  EXPECT_FALSE(handler.enabled());
  handler.remove();
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "enter 1") << "a removed handler came back";
}

TEST_F(HandlerControl, removed_at_its_exit_it_counts_that_call) {
  Debugger d(program("points", {"3"}));
  const SyscallHandler handler =
      d.handle_syscall(announcement, {.on_exit = [](Thread&, SyscallHandler& self) { self.remove(); }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(handler.hit_count(), 1U);
}

TEST_F(HandlerControl, a_later_one_removed_by_an_earlier_one_does_not_run) {
  Debugger d(program("points", {"2"}));
  Transcript transcript;
  std::optional<SyscallHandler> victim;
  d.handle_syscall(announcement, {.on_enter = [&](Thread&, SyscallHandler&) { victim->remove(); }});
  victim = d.handle_syscall(announcement, {.on_enter = points_into(transcript, "enter")});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "");
  EXPECT_EQ(victim->hit_count(), 0U);
}

TEST_F(HandlerControl, removed_at_a_synchronous_enter_it_does_not_stop_at_the_exit) {
  Debugger d(program("points", {"3"}));
  const SyscallHandler handler = d.handle_syscall(announcement);
  d.run(no_stdio());
  EXPECT_EQ(next_stop(d).kind, StopKind::syscall_enter);
  handler.remove();
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(handler.enter_count(), 1U);
  EXPECT_EQ(handler.hit_count(), 0U);
}

TEST_F(HandlerControl, placed_in_mid_call_it_sees_none_of_that_call) {
  Debugger d(program("points", {"3"}));
  Transcript transcript;
  bool placed = false;
  d.handle_syscall(announcement, {.on_enter = [&](Thread&, SyscallHandler&) {
                     if (std::exchange(placed, true)) return;
                     d.handle_syscall(announcement, {.on_enter = points_into(transcript, "enter"),
                                                     .on_exit = points_into(transcript, "exit")});
                   }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "enter 2|exit 2|enter 3|exit 3");
}

TEST_F(HandlerControl, placed_at_a_synchronous_enter_likewise) {
  Debugger d(program("points", {"2"}));
  Transcript transcript;
  d.run(no_stdio());
  to_announcement(d);
  d.handle_syscall(announcement,
                   {.on_enter = points_into(transcript, "enter"), .on_exit = points_into(transcript, "exit")});
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(transcript.text(), "enter 2|exit 2");
}

TEST_F(HandlerControl, once) {
  Debugger d(program("points", {"3"}));
  Transcript transcript;
  const SyscallHandler handler = d.handle_syscall(
      announcement,
      {.on_enter = points_into(transcript, "enter"), .on_exit = points_into(transcript, "exit"), .once = true});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "enter 1|exit 1");
  EXPECT_EQ(handler.hit_count(), 1U);
  EXPECT_FALSE(handler.enabled());
}

TEST_F(HandlerControl, once_and_synchronous_stops_at_both_sides_of_one_call) {
  Debugger d(program("points", {"3"}));
  const SyscallHandler handler = d.handle_syscall(announcement, {.once = true});
  d.run(no_stdio());
  EXPECT_EQ(next_stop(d).kind, StopKind::syscall_enter);
  EXPECT_EQ(next_stop(d).kind, StopKind::syscall_exit);
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(handler.hit_count(), 1U);
}

TEST_F(HandlerControl, ignore_count) {
  Debugger d(program("points", {"4"}));
  Transcript transcript;
  const SyscallHandler handler = d.handle_syscall(
      announcement,
      {.on_enter = points_into(transcript, "enter"), .on_exit = points_into(transcript, "exit"), .ignore_count = 2});
  for (int run = 0; run < 2; ++run) {
    transcript.clear();
    EXPECT_EQ(run_to_exit(d), 0);
    EXPECT_EQ(transcript.text(), "enter 3|exit 3|enter 4|exit 4");
    EXPECT_EQ(handler.hit_count(), 2U);
    EXPECT_EQ(handler.enter_count(), 2U);
  }
}

TEST_F(HandlerControl, condition_is_asked_first) {
  Debugger d(program("points", {"4"}));
  Transcript transcript;
  const SyscallHandler handler =
      d.handle_syscall(announcement, {.on_enter = points_into(transcript, "enter"),
                                      .on_exit = points_into(transcript, "exit"),
                                      .ignore_count = 1,
                                      .condition = [](Thread& thread) { return point_of(thread) % 2 == 0; }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "enter 4|exit 4") << "point 2 is the one ignored";
  EXPECT_EQ(handler.hit_count(), 1U);
}

TEST_F(HandlerControl, thread) {
  Debugger d(program("threads", {"4", "50"}));
  d.run(no_stdio());
  const SyscallHandler everywhere = d.handle_syscall("getppid", {.on_enter = nothing});
  const SyscallHandler only_main = d.handle_syscall("getppid", {.on_enter = nothing, .thread = d.main_thread()});
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(everywhere.hit_count(), 4U * 51U);
  EXPECT_EQ(only_main.hit_count(), 0U);
}

TEST_F(HandlerControl, callbacks_are_replaced_while_it_runs) {
  Debugger d(program("points", {"3"}));
  Transcript transcript;
  d.handle_syscall(announcement, {.on_enter = [&](Thread& thread, SyscallHandler& self) {
                     points_into(transcript, "first")(thread, self);
                     self.set_on_enter(points_into(transcript, "second"));
                   }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "first 1|second 2|second 3");
}

TEST_F(HandlerControl, a_callback_that_replaces_itself_finishes_first) {
  Debugger d(program("points", {"2"}));
  std::vector<std::string> captured;
  const std::string long_text(200, 'x');
  d.handle_syscall(announcement, {.on_enter = [&captured, long_text](Thread&, SyscallHandler& self) {
                     self.set_on_enter(nothing);
                     captured.push_back(long_text);
                   }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(captured, std::vector<std::string>{long_text});
}

TEST_F(HandlerControl, without_callbacks_left_it_becomes_synchronous) {
  Debugger d(program("points", {"3"}));
  const SyscallHandler handler = d.handle_syscall(announcement, {.on_enter = nothing});
  d.run(no_stdio());
  to_announcement_exit(d);
  handler.set_on_enter({});
  EXPECT_EQ(next_stop(d).kind, StopKind::syscall_enter);
  EXPECT_EQ(next_stop(d).kind, StopKind::syscall_exit);
  handler.set_on_exit(nothing);
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(handler.hit_count(), 3U);
}

TEST_F(HandlerControl, handles_may_be_destroyed_in_a_callback) {
  Debugger d(program("points", {"3"}));
  auto kept = std::make_unique<SyscallHandler>(d.handle_syscall(announcement, {.on_enter = nothing}));
  Transcript transcript;
  d.handle_syscall(announcement, {.on_enter = [&](Thread& thread, SyscallHandler& self) {
                     points_into(transcript, "enter")(thread, self);
                     kept.reset();
                   }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "enter 1|enter 2|enter 3");
}

TEST_F(HandlerControl, the_callbacks_handle_is_the_handler) {
  Debugger d(program("points", {"1"}));
  std::optional<SyscallHandler> seen;
  const SyscallHandler handler =
      d.handle_syscall(announcement, {.on_enter = [&](Thread&, SyscallHandler& self) { seen = self; }});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(seen, handler);
  EXPECT_FALSE(handler == d.handle_syscall("read"));
}

TEST_F(HandlerControl, placed_while_it_runs) {
  Debugger d(program("echo"));
  Stdio io = d.run(piped());
  d.cont();
  EXPECT_EQ(read_line(io), "ready");
  ASSERT_TRUE(eventually([&] { return blocked_in(d.pid(), 0); }));
  // It comes into force at the next stop that the command waits for; here an interrupt makes one.
  d.interrupt();
  d.wait(patience);
  const SyscallHandler handler = d.handle_syscall("write", {.on_enter = nothing});
  d.cont();
  io.send("abc");
  io.close();
  EXPECT_EQ(rest_of_output(io), "bcd");
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  EXPECT_EQ(handler.hit_count(), 3U);
}

}  // namespace
}  // namespace trapline::live
