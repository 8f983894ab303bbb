#include "outcome.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "command.hpp"

namespace cli {

int launch_status(const trapline::OsError& error) {
  return error.code().value() == ENOENT ? Status::not_found : Status::not_executable;
}

int end_like(const trapline::Stop& stop) {
  if (stop.exit_signal) die_of(*stop.exit_signal);
  return stop.exit_code.value_or(Status::failed);
}

void die_of(int signal) {
  // The core file would be ours, not the program's. A core_pattern that pipes it ignores the limit but not the other.
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
  std::signal(signal, SIG_DFL);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  std::raise(signal);
  // A signal that kills nobody by default: the status that a shell would show.
  _exit(128 + signal);
}

}  // namespace cli
