#include "os/spawn_failure.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "os/error.hpp"
#include "os/exec_check.hpp"

namespace trapline::os {
namespace {

std::string describe(SpawnStep step, const SpawnRequest& request) {
  switch (step) {
    case SpawnStep::none: return "start the program";
    case SpawnStep::new_session: return "start a session of its own";
    case SpawnStep::controlling_tty: return "make the terminal its controlling terminal";
    case SpawnStep::stdio: return "set up stdin, stdout and stderr";
    case SpawnStep::descriptors: return "keep the host's descriptors from the program";
    case SpawnStep::directory:
      return request.cwd.empty() ? "enter the caller's directory" : fmt::format("enter the directory {}", request.cwd);
    case SpawnStep::umask: return "set the umask";
    case SpawnStep::personality: return "switch address space randomisation off";
    case SpawnStep::limits: return "set the resource limits";
    case SpawnStep::nice: return fmt::format("set the nice value {}", request.context.nice);
    case SpawnStep::affinity: return "set the CPU affinity";
    case SpawnStep::groups: return "set the supplementary groups";
    case SpawnStep::gid: return fmt::format("change to group {}", request.gid.value_or(0));
    case SpawnStep::uid: return fmt::format("change to user {}", request.uid.value_or(0));
    case SpawnStep::signals: return "set the signal mask";
    case SpawnStep::exec: return fmt::format("execute {}", request.path);
  }
  return "start the program";
}

std::string_view remedy(const SpawnFailure& what) {
  switch (what.step) {
    case SpawnStep::personality:
      return "a container's seccomp filter may forbid personality(2); run with randomisation on";
    case SpawnStep::nice: return "make the Debugger on a thread whose nice value is not higher";
    case SpawnStep::limits: return "a hard limit can be raised by root only, and a soft one not above it";
    case SpawnStep::gid:
    case SpawnStep::uid: return what.error == EPERM ? "only root can" : "";
    case SpawnStep::exec:
      if (what.error == E2BIG) return "the arguments and the environment are too large";
      if (what.error == ETXTBSY) return "somebody has the file open for writing";
      if (what.error == EACCES || what.error == EPERM)
        return "see its permissions, those of its directories, and mount options";
      return "";
    case SpawnStep::none:
    case SpawnStep::new_session:
    case SpawnStep::controlling_tty:
    case SpawnStep::stdio:
    case SpawnStep::descriptors:
    case SpawnStep::directory:
    case SpawnStep::umask:
    case SpawnStep::groups:
    case SpawnStep::affinity:
    case SpawnStep::signals: return "";
  }
  return "";
}

}  // namespace

void explain_spawn_failure(const SpawnFailure& what, const SpawnRequest& request) {
  if (what.step == SpawnStep::exec) check_executable(request.path, request.cwd);
  std::string subject = "cannot " + describe(what.step, request);
  if (what.step == SpawnStep::exec && request.uid) subject += fmt::format(" as user {}", *request.uid);
  const bool kernel_refuses_kind = what.step == SpawnStep::exec && what.error == ENOEXEC;
  const bool is_32_bit = kernel_refuses_kind && is_32_bit_program(request.path, request.cwd);
  throw_os_error(what.error, subject, 0, is_32_bit ? "this kernel runs no 32-bit programs" : remedy(what));
}

}  // namespace trapline::os
