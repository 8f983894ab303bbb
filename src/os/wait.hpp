#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace trapline::os {

/// What a tracee's status says: the only place that knows how wait(2) encodes it.
class WaitStatus {
 public:
  enum class Kind { exited, killed, stopped, lost };
  /// PTRACE_EVENT_* (ptrace(2)).
  enum class Event {
    none = 0,
    fork = 1,
    vfork = 2,
    clone = 3,
    exec = 4,
    vfork_done = 5,
    exit = 6,
    seccomp = 7,
    stop = 128
  };

  constexpr WaitStatus() = default;
  static constexpr WaitStatus exited(int code) { return {Kind::exited, code}; }
  static constexpr WaitStatus killed(int signal) { return {Kind::killed, signal}; }
  /// What a PTRACE_EVENT_EXIT tells of the death to come, as of wait(2).
  static constexpr WaitStatus of_exit(int raw) {
    return (raw & 0x7f) != 0 ? killed(raw & 0x7f) : exited(raw >> 8 & 0xff);
  }
  /// Dead, and somebody else knows how.
  static constexpr WaitStatus lost() { return {Kind::lost, 0}; }
  /// As of an interruption.
  static constexpr WaitStatus bare_stop() { return stopped(static_cast<int>(Event::stop) << 8 | trap_signal); }
  /// As of PTRACE_SYSCALL.
  static constexpr WaitStatus of_syscall() { return stopped(trap_signal | 0x80); }
  /// `value` is the stop signal, with PTRACE_O_TRACESYSGOOD's bit and the event above it.
  static constexpr WaitStatus stopped(int value) { return {Kind::stopped, value}; }

  friend constexpr bool operator==(WaitStatus, WaitStatus) = default;

  [[nodiscard]] constexpr Kind kind() const { return kind_; }
  [[nodiscard]] constexpr bool dead() const { return kind_ != Kind::stopped; }
  [[nodiscard]] constexpr int exit_code() const { return value_; }
  [[nodiscard]] constexpr int exit_signal() const { return value_; }
  [[nodiscard]] constexpr bool syscall_stop() const { return kind_ == Kind::stopped && value_ == (trap_signal | 0x80); }
  [[nodiscard]] constexpr Event event() const {
    return kind_ == Kind::stopped ? static_cast<Event>(value_ >> 8) : Event::none;
  }
  /// The signal of a stop: the one about to be delivered, or the one that group-stopped it.
  [[nodiscard]] constexpr int stop_signal() const { return value_ & 0x7f; }
  /// About to get a signal.
  [[nodiscard]] constexpr bool signal_stop() const {
    return kind_ == Kind::stopped && event() == Event::none && !syscall_stop();
  }
  /// The signal that it gets when it goes on like that; 0 at other stops.
  [[nodiscard]] constexpr int delivered_signal() const { return signal_stop() ? stop_signal() : 0; }
  [[nodiscard]] constexpr bool group_stop() const { return event() == Event::stop && stop_signal() != trap_signal; }
  /// An interruption of ours, or the first stop of a new thread: nothing that the program did.
  [[nodiscard]] constexpr bool bare() const { return event() == Event::stop && stop_signal() == trap_signal; }
  /// As wait(2) would report it.
  [[nodiscard]] constexpr int raw() const {
    switch (kind_) {
      case Kind::exited: return value_ << 8;
      case Kind::killed: return value_;
      case Kind::stopped: return (value_ << 8) | 0x7f;
      case Kind::lost: return 0;
    }
    return 0;
  }

 private:
  static constexpr int trap_signal = 5;
  constexpr WaitStatus(Kind kind, int value) : kind_(kind), value_(value) {}
  Kind kind_ = Kind::exited;
  int value_ = 0;
};

/// What happened, in words: "exited with 1", "the syscall stop", "SIGUSR1", "the clone event".
[[nodiscard]] std::string describe(WaitStatus status);

struct Waited {
  pid_t tid = 0;
  WaitStatus status;
};

enum class Sleep { no, until_event };

/// Looks for a change of any child or tracee of this thread without taking it; sleeps for it if told to. Nothing when
/// there is none (or no child at all). Without `deaths` only stops are seen.
///
/// Looking instead of taking leaves children of the host program, which a callback may have started on this thread, to
/// the host; and a stop that is resumed at once need not be taken at all (the kernel clears it), which keeps it one
/// call.
[[nodiscard]] std::optional<Waited> look_any(Sleep sleep, bool deaths);
/// The same for one thread.
[[nodiscard]] std::optional<Waited> look_one(pid_t tid, Sleep sleep);
/// Takes the change that was looked at, so that it is not seen again, and returns it: a SIGKILL may have put another
/// one in its place. A dead thread is reaped.
std::optional<Waited> take(pid_t tid);
/// True when this thread has any child or tracee.
[[nodiscard]] bool has_children();

}  // namespace trapline::os
