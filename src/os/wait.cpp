#include "os/wait.hpp"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

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

}  // namespace

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
