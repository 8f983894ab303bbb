#include <fmt/format.h>
#include <sys/wait.h>

#include <csignal>
#include <iterator>

#include <trapline/print.hpp>
#include <trapline/syscall_id.hpp>

#include "arch/constants.hpp"

namespace trapline {
namespace {

bool is_fault(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE || signal == SIGTRAP;
}

}  // namespace

void append_signal(std::string& out, const SignalRecord& record) {
  const std::string name = signal_name(record.signal);
  const std::string_view code = arch::signal_code_name(record.signal, record.code);
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{} {{si_signo={}, si_code=", name, name);
  if (code.empty()) {
    fmt::format_to(to, "{}", record.code);
  } else {
    out += code;
  }
  if (record.sender != 0) fmt::format_to(to, ", si_pid={}", record.sender);
  if (record.code > 0 && is_fault(record.signal)) fmt::format_to(to, ", si_addr={:#x}", record.address);
  out += '}';
}

void append_end(std::string& out, int status) {
  if (WIFSIGNALED(status)) {
    out += "killed by " + signal_name(WTERMSIG(status));
    if (WCOREDUMP(status)) out += " (core dumped)";
  } else {
    fmt::format_to(std::back_inserter(out), "exited with {}", WEXITSTATUS(status));
  }
}

}  // namespace trapline
