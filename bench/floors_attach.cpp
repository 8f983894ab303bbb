#include <sys/ptrace.h>
#include <sys/wait.h>

#include "floors.hpp"
#include "raw_tracee.hpp"

namespace trapline::bench::floors {
namespace {

void attach_and_detach(pid_t pid) {
  request(PTRACE_SEIZE, pid, std::uintptr_t{0}, std::uintptr_t{PTRACE_O_TRACESYSGOOD});
  request(PTRACE_INTERRUPT, pid);
  int status = 0;
  require(::waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status), "stop of a process");
  request(PTRACE_DETACH, pid);
}

}  // namespace

Batch attaches(std::size_t events, pid_t pid) {
  return [events, pid] {
    return time_per_event(events, [&] {
      for (std::size_t i = 0; i < events; ++i) attach_and_detach(pid);
    });
  };
}

}  // namespace trapline::bench::floors
