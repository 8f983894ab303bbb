#include <atomic>
#include <csignal>

#include "restarting.hpp"

#include <sys/syscall.h>
#include <unistd.h>

namespace trapline::live {
namespace {

/// Syscalls that are interrupted and restarted by the kernel: one call to the user.
using Restart = Live;

/// Our own interrupt() in a list of signals.
constexpr int our_interrupt = 0;

struct Case {
  /// As `interrupted` takes them.
  const char* call;
  const char* handler;
  std::vector<int> signals;
  const char* transcript;
  const char* output;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  out << c.call << ", handler " << c.handler << ", signals";
  for (const int number : c.signals) out << " " << (number == our_interrupt ? "interrupt()" : signal_name(number));
  return out;
}

/// SIGTSTP stops nobody whose process group is orphaned, as it is in a job whose shell has gone: in a group of its own
/// this test's parent keeps it from that.
void leave_orphaned_group() { static_cast<void>(::setpgid(0, 0)); }

/// Runs `interrupted` with handlers that write "enter CALL" and "exit CALL RESULT", and interrupts it in its call.
class Interrupted {
 public:
  Interrupted(const std::string& call, const std::string& handler)
      : debugger_(program("interrupted", {call, handler})), number_(syscall_number(Abi::amd64, call).value()) {
    Observer observer;
    observer.on_signal = [this](Thread&, const SignalRecord&) { ++signals_; };
    observation_ = debugger_.observe(observer);
    io_ = debugger_.run(piped());
  }

  Debugger& debugger() { return debugger_; }
  Stdio& io() { return *io_; }
  Transcript& transcript() { return transcript_; }
  [[nodiscard]] std::int64_t number() const { return number_; }

  void watch(const SyscallSet& calls) {
    debugger_.handle_syscall(
        calls, {.on_enter =
                    [this](Thread& t, SyscallHandler&) {
                      transcript_.add("enter " + name_of(t));
                      for (unsigned i = 0; i < 6; ++i) args_[i] = t.syscall_arg(i);
                    },
                .on_exit =
                    [this](Thread& t, SyscallHandler&) {
                      const std::int64_t result = t.syscall_return();
                      const bool of_handler = name_of(t) == "getppid";
                      transcript_.add("exit " + name_of(t) + (of_handler ? "" : " " + std::to_string(result)));
                      EXPECT_FALSE(result <= -512 && result >= -516) << "the kernel's own code";
                      EXPECT_EQ(t.syscall_number(), t.original_syscall());
                    }});
  }

  /// True as soon as it sleeps in its call, restarted or not.
  bool blocked() {
    return eventually([this] {
      const pid_t pid = debugger_.pid();
      return blocked_in(pid, number_) || blocked_in(pid, SYS_restart_syscall);
    });
  }

  /// True as soon as the next signal of the list can come.
  bool ready_for(int number) {
    if (number != SIGCONT) return blocked();
    return eventually([this] {
      const char state = state_of(debugger_.pid());
      return state == 't' || state == 'T';
    });
  }

  void interrupt_by(int number) {
    if (number == our_interrupt) {
      debugger_.interrupt();
      EXPECT_EQ(debugger_.wait(patience).kind, StopKind::interrupted);
      debugger_.cont();
      return;
    }
    const int before = signals_;
    EXPECT_EQ(::kill(debugger_.pid(), number), 0);
    EXPECT_TRUE(eventually([&] { return signals_ > before; })) << signal_name(number) << " was not delivered";
  }

  std::string finish() {
    try {
      if (number_ == SYS_read || number_ == SYS_poll) io_->send("x");
    } catch (const EndOfFile&) {
      // The call was interrupted for good, and the program is through.
    }
    std::string output = rest_of_output(*io_);
    EXPECT_EQ(debugger_.wait(patience).exit_code, 0);
    return output;
  }

 private:
  static std::string name_of(const Thread& t) {
    return std::string(syscall_name(t.syscall_abi(), t.original_syscall()));
  }

  Transcript transcript_;
  std::atomic<int> signals_ = 0;
  std::array<std::uint64_t, 6> args_{};
  Debugger debugger_;
  Observation observation_;
  std::optional<Stdio> io_;
  std::int64_t number_;
};

class RestartOf : public Live, public ::testing::WithParamInterface<Case> {};

TEST_P(RestartOf, is_one_call) {
  leave_orphaned_group();
  const Case& c = GetParam();
  Interrupted tracee(c.call, c.handler);
  tracee.watch({"read", "nanosleep", "poll", "futex", "pause", "restart_syscall", "getppid"});
  tracee.debugger().cont();
  for (const int number : c.signals) {
    ASSERT_TRUE(tracee.ready_for(number)) << tracee.transcript().text();
    tracee.interrupt_by(number);
  }
  EXPECT_EQ(tracee.finish(), c.output);
  EXPECT_EQ(tracee.transcript().text(), c.transcript);
}

const Case cases[] = {
    // A handler with SA_RESTART: its own syscalls nest, the call goes on.
    {"read", "restart", {SIGUSR1}, "enter read|enter getppid|exit getppid|exit read 1", "1\n"},
    {"read",
     "restart",
     {SIGUSR1, SIGUSR1, SIGUSR1},
     "enter read|enter getppid|exit getppid|enter getppid|exit getppid|enter getppid|exit getppid|exit read 1",
     "1\n"},
    // Without it the call ends, before the handler runs.
    {"read", "plain", {SIGUSR1}, "enter read|exit read -4|enter getppid|exit getppid", "-4\n"},
    // These are never restarted after a handler.
    {"nanosleep", "restart", {SIGUSR1}, "enter nanosleep|exit nanosleep -4|enter getppid|exit getppid", "-4\n"},
    {"nanosleep", "plain", {SIGUSR1}, "enter nanosleep|exit nanosleep -4|enter getppid|exit getppid", "-4\n"},
    {"poll", "restart", {SIGUSR1}, "enter poll|exit poll -4|enter getppid|exit getppid", "-4\n"},
    {"futex", "restart", {SIGUSR1}, "enter futex|exit futex -4|enter getppid|exit getppid", "-4\n"},
    {"pause", "plain", {SIGUSR1}, "enter pause|exit pause -4|enter getppid|exit getppid", "-4\n"},
    {"pause", "restart", {SIGUSR1}, "enter pause|exit pause -4|enter getppid|exit getppid", "-4\n"},
    // Signals without a handler, ignored by default or by the program.
    {"read", "none", {SIGCHLD}, "enter read|exit read 1", "1\n"},
    {"read", "none", {SIGWINCH, SIGCHLD, SIGWINCH}, "enter read|exit read 1", "1\n"},
    {"read", "ignored", {SIGUSR1, SIGUSR1}, "enter read|exit read 1", "1\n"},
    {"nanosleep", "none", {SIGCHLD, SIGWINCH}, "enter nanosleep|exit nanosleep 0", "0\n"},
    {"poll", "none", {SIGCHLD, SIGWINCH}, "enter poll|exit poll 1", "1\n"},
    {"futex", "none", {SIGCHLD, SIGWINCH}, "enter futex|exit futex -110", "-110\n"},
    {"pause", "plain", {SIGCHLD, SIGUSR1}, "enter pause|exit pause -4|enter getppid|exit getppid", "-4\n"},
    // Job control.
    {"read", "none", {SIGSTOP, SIGCONT}, "enter read|exit read 1", "1\n"},
    {"nanosleep", "none", {SIGTSTP, SIGCONT}, "enter nanosleep|exit nanosleep 0", "0\n"},
    {"poll", "none", {SIGSTOP, SIGCONT}, "enter poll|exit poll 1", "1\n"},
    // Ours.
    {"read", "none", {our_interrupt, our_interrupt}, "enter read|exit read 1", "1\n"},
    {"nanosleep", "none", {our_interrupt, our_interrupt}, "enter nanosleep|exit nanosleep 0", "0\n"},
    {"poll", "none", {our_interrupt, our_interrupt}, "enter poll|exit poll 1", "1\n"},
    {"futex", "none", {our_interrupt, our_interrupt}, "enter futex|exit futex -110", "-110\n"},
    {"pause", "plain", {our_interrupt, SIGUSR1}, "enter pause|exit pause -4|enter getppid|exit getppid", "-4\n"},
    // Both.
    {"read",
     "restart",
     {our_interrupt, SIGCHLD, SIGUSR1, our_interrupt},
     "enter read|enter getppid|exit getppid|exit read 1",
     "1\n"},
    {"nanosleep",
     "plain",
     {SIGCHLD, our_interrupt, SIGUSR1},
     "enter nanosleep|exit nanosleep -4|enter getppid|exit getppid",
     "-4\n"},
    // A handler that jumps away abandons its call; the program makes it again.
    {"read", "jump", {SIGUSR1}, "enter read|enter getppid|exit getppid|enter read|exit read 1", "1\n"},
};

std::string name_of_case(const ::testing::TestParamInfo<Case>& info) {
  std::string name = std::string(info.param.call) + "_" + info.param.handler;
  for (const int number : info.param.signals) {
    name += "_" + (number == our_interrupt ? "interrupt" : signal_name(number));
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Syscalls, RestartOf, ::testing::ValuesIn(cases), name_of_case);

TEST_F(Restart, without_handlers_the_program_is_not_disturbed) {
  leave_orphaned_group();
  for (const Case& c : cases) {
    SCOPED_TRACE(::testing::PrintToString(c.call) + c.handler);
    Interrupted tracee(c.call, c.handler);
    tracee.debugger().cont();
    for (const int number : c.signals) {
      ASSERT_TRUE(tracee.ready_for(number));
      tracee.interrupt_by(number);
    }
    EXPECT_EQ(tracee.finish(), c.output);
  }
}

TEST_F(Restart, what_is_written_at_the_interrupted_end_is_what_the_program_sees) {
  Interrupted tracee("read", "plain");
  tracee.debugger().handle_syscall("read", {.on_exit = [](Thread& t, SyscallHandler&) {
                                     if (t.syscall_return() == -EINTR) t.set_syscall_return(77);
                                   }});
  tracee.debugger().cont();
  ASSERT_TRUE(tracee.blocked());
  tracee.interrupt_by(SIGUSR1);
  EXPECT_EQ(rest_of_output(tracee.io()), "77\n");
}

TEST_F(Restart, arguments_at_the_end_are_those_of_the_call) {
  for (const char* handler : {"restart", "plain", "none"}) {
    Interrupted tracee("read", handler);
    std::array<std::uint64_t, 3> at_enter{};
    std::array<std::uint64_t, 3> at_exit{};
    const auto keep = [](std::array<std::uint64_t, 3>& args) {
      return [&args](Thread& t, SyscallHandler&) {
        for (unsigned i = 0; i < 3; ++i) args[i] = t.syscall_arg(i);
      };
    };
    const SyscallHandler counts =
        tracee.debugger().handle_syscall("read", {.on_enter = keep(at_enter), .on_exit = keep(at_exit)});
    tracee.debugger().cont();
    ASSERT_TRUE(tracee.blocked());
    tracee.interrupt_by(std::string(handler) == "none" ? SIGCHLD : SIGUSR1);
    tracee.finish();
    EXPECT_EQ(at_enter[2], 1U);
    EXPECT_EQ(at_exit, at_enter) << handler;
    EXPECT_EQ(counts.enter_count(), 1U);
    EXPECT_EQ(counts.hit_count(), 1U);
  }
}

TEST_F(Restart, synchronous_handlers_stop_once_at_each_side) {
  for (const char* handler : {"restart", "plain"}) {
    Interrupted tracee("read", handler);
    Debugger& d = tracee.debugger();
    d.handle_syscall("read");
    EXPECT_EQ(next_stop(d).kind, StopKind::syscall_enter);
    d.cont();
    ASSERT_TRUE(tracee.blocked());
    tracee.interrupt_by(SIGUSR1);
    tracee.io().send("x");
    const Stop stop = d.wait(patience);
    EXPECT_EQ(stop.kind, StopKind::syscall_exit) << stop;
    EXPECT_EQ(stop.thread.syscall_return(), std::string(handler) == "restart" ? 1 : -EINTR);
    EXPECT_EQ(run_out(d).exit_code, 0);
  }
}

TEST_F(Restart, a_hijacked_call_restarts_as_what_it_became) {
  Interrupted tracee("pause", "none");
  Debugger& d = tracee.debugger();
  const Address buffer = d.symbols().resolve(Location("buffer").in("binary"));
  Transcript transcript;
  d.hijack_syscall("pause", "read", {.arg0 = 0, .arg1 = buffer, .arg2 = 1});
  d.handle_syscall("pause", transcript.options());
  const SyscallHandler reads = d.handle_syscall("read", transcript.options());
  d.cont();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(eventually([&] { return blocked_in(d.pid(), SYS_read); }));
    tracee.interrupt_by(SIGCHLD);
  }
  tracee.io().send("x");
  EXPECT_EQ(rest_of_output(tracee.io()), "1\n");
  EXPECT_EQ(transcript.text(), "enter read|exit read");
  EXPECT_EQ(reads.hit_count(), 0U);
}

TEST_F(Restart, invoked_again_and_again_while_it_restarts) { expect_one_call_after(300); }

TEST_F(Restart, the_return_of_a_handler_is_a_call_too) {
  Interrupted tracee("read", "restart");
  Debugger& d = tracee.debugger();
  std::vector<std::int64_t> numbers;
  d.handle_syscall("rt_sigreturn", {.on_exit = [&](Thread& t, SyscallHandler&) {
                     // It has ended in another place than it was issued at.
                     EXPECT_NE(t.regs().rip(), 0U);
                     numbers.push_back(t.syscall_number());
                   }});
  d.cont();
  ASSERT_TRUE(tracee.blocked());
  tracee.interrupt_by(SIGUSR1);
  EXPECT_EQ(tracee.finish(), "1\n");
  EXPECT_EQ(numbers, (std::vector<std::int64_t>{SYS_rt_sigreturn}));
}

TEST_F(Restart, an_abandoned_call_is_over) {
  Interrupted tracee("read", "jump");
  Debugger& d = tracee.debugger();
  Transcript transcript;
  Observer observer;
  observer.syscalls = "read";
  observer.on_syscall_enter = [&](Thread&, const SyscallRecord&) { transcript.add("enter"); };
  observer.on_syscall_exit = [&](Thread&, const SyscallRecord& call) {
    transcript.add("exit " + std::to_string(call.result));
  };
  observer.on_syscall_abandoned = [&](Thread&, const SyscallRecord&) { transcript.add("abandoned"); };
  const Observation observation = d.observe(observer);
  const SyscallHandler reads = d.handle_syscall("read", {.on_exit = [](Thread&, SyscallHandler&) {}});
  d.cont();
  ASSERT_TRUE(tracee.blocked());
  tracee.interrupt_by(SIGUSR1);
  EXPECT_EQ(tracee.finish(), "1\n");
  // When the program's jump can be known for sure is not promised.
  EXPECT_EQ(transcript.size(), 4U) << transcript.text();
  EXPECT_NE(transcript.text().find("abandoned"), std::string::npos) << transcript.text();
  EXPECT_NE(transcript.text().find("enter|exit 1"), std::string::npos) << transcript.text();
  EXPECT_EQ(reads.enter_count(), 2U);
  EXPECT_EQ(reads.hit_count(), 1U);
}

}  // namespace
}  // namespace trapline::live
