#include "os/wait.hpp"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "os/signals.hpp"

namespace trapline::os {
namespace {

// glibc's waitid is a cancellation point and its headers hide the __W flags from it.
constexpr int all_kinds = __WALL | __WNOTHREAD;

WaitStatus status_of(const siginfo_t& info) {
  switch (info.si_code) {
    case CLD_EXITED: return WaitStatus::exited(info.si_status);
    case CLD_KILLED:
    case CLD_DUMPED: return WaitStatus::killed(info.si_status);
    default: return WaitStatus::stopped(info.si_status);
  }
}

std::optional<Waited> wait_for(idtype_t type, pid_t id, int options) {
  siginfo_t info{};
  long result = 0;
  do {
    result = ::syscall(SYS_waitid, type, id, &info, options | all_kinds, nullptr);
  } while (result == -1 && errno == EINTR);
  if (result == -1 || info.si_pid == 0) return std::nullopt;
  return Waited{info.si_pid, status_of(info)};
}

std::string_view event_name(WaitStatus::Event event) {
  using Event = WaitStatus::Event;
  switch (event) {
    case Event::none: return "no event";
    case Event::fork: return "the fork event";
    case Event::vfork: return "the vfork event";
    case Event::clone: return "the clone event";
    case Event::exec: return "the exec event";
    case Event::vfork_done: return "the event of vfork's end";
    case Event::exit: return "the exit event";
    case Event::seccomp: return "the seccomp event";
    case Event::stop: return "the stop event";
  }
  return "an unknown event";
}

}  // namespace

std::string describe(WaitStatus status) {
  switch (status.kind()) {
    case WaitStatus::Kind::exited: return "exited with " + std::to_string(status.exit_code());
    case WaitStatus::Kind::killed: return "killed by " + signal_name(status.exit_signal());
    case WaitStatus::Kind::lost: return "dead, nobody knows how";
    case WaitStatus::Kind::stopped: break;
  }
  if (status.syscall_stop()) return "the syscall stop";
  if (status.event() == WaitStatus::Event::none) return signal_name(status.stop_signal());
  return std::string(event_name(status.event()));
}

std::optional<Waited> look_any(Sleep sleep, bool deaths) {
  return wait_for(P_ALL, 0, WSTOPPED | WNOWAIT | (deaths ? WEXITED : 0) | (sleep == Sleep::no ? WNOHANG : 0));
}

std::optional<Waited> look_one(pid_t tid, Sleep sleep) {
  return wait_for(P_PID, tid, WSTOPPED | WEXITED | WNOWAIT | (sleep == Sleep::no ? WNOHANG : 0));
}

std::optional<Waited> take(pid_t tid) { return wait_for(P_PID, tid, WSTOPPED | WEXITED | WNOHANG); }

bool has_children() {
  siginfo_t info{};
  return ::syscall(SYS_waitid, P_ALL, 0, &info, WSTOPPED | WEXITED | WNOWAIT | WNOHANG | all_kinds, nullptr) == 0;
}

}  // namespace trapline::os
