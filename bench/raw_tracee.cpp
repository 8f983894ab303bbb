#include "raw_tracee.hpp"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

namespace trapline::bench {

void require(bool condition, const char* what) {
  if (!condition) throw std::system_error(errno, std::generic_category(), what);
}

RawTracee::RawTracee(const std::vector<std::string>& argv, std::span<sock_filter> filter) {
  std::vector<char*> pointers;
  for (const std::string& argument : argv) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  pid_ = ::fork();
  require(pid_ != -1, "fork");
  if (pid_ == 0) {
    ::ptrace(PTRACE_TRACEME, 0, 0, 0);
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!filter.empty() && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == -1) ::_exit(126);
    ::execv(pointers[0], pointers.data());
    ::_exit(127);
  }
  int status = 0;
  require(::waitpid(pid_, &status, __WALL) == pid_ && WIFSTOPPED(status), "exec of a tracee");
  constexpr std::uintptr_t options =
      PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACESECCOMP;
  request(PTRACE_SETOPTIONS, pid_, std::uintptr_t{0}, options);
}

RawTracee::~RawTracee() {
  ::kill(pid_, SIGKILL);
  int status = 0;
  // Its other threads' deaths come first, and not all of them under its id.
  for (pid_t dead = 0; dead != -1;) dead = ::waitpid(-1, &status, __WALL | __WNOTHREAD);
}

void RawTracee::go(__ptrace_request how) const {
  request(how, pid_);
  int status = 0;
  require(::waitpid(pid_, &status, __WALL) == pid_ && WIFSTOPPED(status), "stop of a tracee");
}

}  // namespace trapline::bench
