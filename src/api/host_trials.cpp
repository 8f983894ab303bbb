#include "api/host_trials.hpp"

#include <elf.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>

#include <trapline/debugger.hpp>
#include <trapline/error.hpp>

#include "os/debug_registers.hpp"
#include "os/host.hpp"
#include "os/proc.hpp"
#include "support/bytes.hpp"

namespace trapline {
namespace {

using namespace std::chrono_literals;

constexpr const char* program = "/bin/true";
constexpr auto patience = 10s;

HostCheck ok(std::string name, std::string detail) { return {.name = std::move(name), .detail = std::move(detail)}; }

HostCheck missing(std::string name, std::string detail, std::string remedy) {
  return {std::move(name), CheckStatus::missing, std::move(detail), std::move(remedy)};
}

HostCheck problem(std::string name, std::string detail, std::string remedy = {}) {
  return {std::move(name), CheckStatus::problem, std::move(detail), std::move(remedy)};
}

Debugger make(bool continue_to_entry = true, bool aslr = true) {
  return Debugger({.argv = {program}, .aslr = aslr, .continue_to_entry = continue_to_entry});
}

void start(Debugger& debugger) {
  debugger.run({.kill_after = patience, .stdio = {Stream::null(), Stream::null(), Stream::null()}});
}

/// Lets it go on to its end; the text says what was wrong, if anything.
std::string run_out(Debugger& debugger) {
  debugger.cont();
  const Stop stop = debugger.wait(patience);
  if (stop.kind == StopKind::exited && stop.exit_code == 0) return {};
  return fmt::format("{} did not end as it should: {}", program, to_string(stop.kind));
}

Address entry_of(const Debugger& debugger) {
  const auto entry = debugger.info().auxv().find(AT_ENTRY);
  if (!entry) throw UsageError("the kernel tells no entry point");
  return *entry;
}

std::string remedy_for_launch() {
  if (os::read_status(::getpid()).seccomp != SeccompMode::none) {
    return "a seccomp filter judges this process and may forbid ptrace; in Docker start the container with "
           "--cap-add=SYS_PTRACE, or --security-opt seccomp=unconfined";
  }
  if (os::ptrace_scope().value_or(0) >= 2) return "see ptrace_scope";
  return "see the lines above; a security module (SELinux, AppArmor) may forbid it as well";
}

HostCheck try_launch() {
  Debugger debugger = make();
  start(debugger);
  const std::string wrong = run_out(debugger);
  if (!wrong.empty()) return problem("launch", wrong);
  return ok("launch", fmt::format("{} was launched, stopped at its entry point, and ended", program));
}

HostCheck try_attach() {
  Debugger launcher({.argv = {"/bin/sleep", "60"}});
  start(launcher);
  const pid_t pid = launcher.pid();
  launcher.detach();
  Debugger debugger({});
  try {
    debugger.attach(pid);
  } catch (...) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    throw;
  }
  debugger.kill();
  return ok("attach", "a running process of this user can be attached to");
}

HostCheck try_breakpoint() {
  Debugger debugger = make(false);
  start(debugger);
  const Breakpoint breakpoint = debugger.breakpoint(entry_of(debugger), {.callback = [](Thread&, Breakpoint&) {}});
  const std::string wrong = run_out(debugger);
  if (!wrong.empty()) return problem("breakpoint", wrong);
  if (breakpoint.hit_count() != 1) return problem("breakpoint", "one at the entry point was not hit");
  return ok("breakpoint", "one at the entry point was hit, and the program went on");
}

HostCheck try_syscall() {
  Debugger debugger = make();
  const SyscallHandler handler = debugger.handle_syscall("exit_group", {.on_enter = [](Thread&, SyscallHandler&) {}});
  start(debugger);
  const std::string wrong = run_out(debugger);
  if (!wrong.empty()) return problem("syscall", wrong);
  if (handler.enter_count() != 1) {
    return problem("syscall", "exit_group was not seen", "PTRACE_GET_SYSCALL_INFO needs Linux 5.3");
  }
  return ok("syscall", "exit_group was seen by its handler (PTRACE_GET_SYSCALL_INFO)");
}

HostCheck try_memory() {
  Debugger debugger = make();
  start(debugger);
  const Address code = entry_of(debugger);
  const auto before = debugger.memory().read_value<std::uint32_t>(code);
  debugger.memory().write_value<std::uint32_t>(code, ~before);
  const bool changed = debugger.memory().read_value<std::uint32_t>(code) == ~before;
  debugger.kill();
  if (changed) return ok("memory_write", "/proc/PID/mem writes to code that is read-only");
  return problem("memory_write", "what was written to code cannot be read back");
}

HostCheck try_direct_read() {
  Debugger debugger = make();
  start(debugger);
  const bool works = os::can_read_directly(debugger.pid(), entry_of(debugger));
  debugger.kill();
  if (works) return ok("process_vm_readv", "reads the memory of a tracee");
  return missing("process_vm_readv", "is forbidden or not there: large reads go by /proc/PID/mem", "");
}

HostCheck try_aslr() {
  Debugger debugger = make(true, false);
  start(debugger);
  const auto personality = os::personality_of(debugger.pid());
  debugger.kill();
  if (personality && (*personality & ADDR_NO_RANDOMIZE) != 0) return ok("no_aslr", "aslr = false takes effect");
  return problem("no_aslr", "aslr = false does not take effect: addresses differ from run to run");
}

HostCheck try_set_syscall_info() {
  Debugger debugger = make();
  start(debugger);
  const bool known = debugger.on_tracer([&] { return os::has_set_syscall_info(debugger.pid()); });
  debugger.kill();
  if (known) return ok("set_syscall_info", "PTRACE_SET_SYSCALL_INFO is there");
  return missing("set_syscall_info", "PTRACE_SET_SYSCALL_INFO is not there; nothing here needs it", "");
}

HostCheck try_stop_cost() {
  using Clock = std::chrono::steady_clock;
  Debugger debugger = make(false);
  start(debugger);
  constexpr int steps = 200;
  constexpr int rounds = 10;
  // The quickest of several rounds: others use the machine too.
  auto least = Clock::duration::max();
  debugger.on_tracer([&] {
    for (int round = 0; round < rounds; ++round) {
      const auto begin = Clock::now();
      for (int i = 0; i < steps; ++i) debugger.step();
      least = std::min(least, Clock::now() - begin);
    }
  });
  debugger.kill();
  const double microseconds = std::chrono::duration<double, std::micro>(least).count() / steps;
  return ok("stop_cost", fmt::format("a step there and back takes {:.1f} us", microseconds));
}

/// How the probing program ended.
std::optional<int> exit_code_of(bool wide) {
  const support::Fd file = os::file_of(os::int80_program(wide));
  const std::string path = fmt::format("/proc/{}/fd/{}", ::getpid(), file.get());
  Debugger debugger({.argv = {"probe"}, .path = path, .continue_to_entry = false});
  start(debugger);
  debugger.cont();
  return debugger.wait(patience).exit_code;
}

HostCheck try_int80() {
  if (exit_code_of(true) == 0) return ok("int80", "64-bit programs can make i386 calls (int 0x80)");
  return missing("int80", "64-bit programs that make i386 calls (int 0x80) die of it",
                 "a kernel with CONFIG_IA32_EMULATION, booted without ia32_emulation=0");
}

HostCheck try_32_bit() {
  constexpr const char* remedy = "a kernel with CONFIG_IA32_EMULATION, booted without ia32_emulation=0";
  try {
    if (exit_code_of(false) == 0) return ok("programs_32_bit", "32-bit programs run");
  } catch (const OsError& error) {
    return missing("programs_32_bit", fmt::format("32-bit programs do not run: {}", error.what()), remedy);
  }
  return missing("programs_32_bit", "32-bit programs die at once", remedy);
}

HostCheck try_debug_registers() {
  if (os::debug_registers_work()) return ok("debug_registers", "hardware breakpoints and watchpoints fire");
  return missing("debug_registers", "they can be set and do not fire, as under some hypervisors: no watchpoints",
                 "another hypervisor, or a real machine; breakpoints without them work");
}

struct Trial {
  const char* name;
  HostCheck (*run)();
};

HostCheck attempt(const Trial& trial, CheckStatus when_it_fails) {
  try {
    return trial.run();
  } catch (const std::exception& error) {
    return {trial.name, when_it_fails, error.what(), {}};
  }
}

}  // namespace

std::vector<HostCheck> try_tracing() {
  std::vector<HostCheck> checks;
  checks.push_back(attempt({"launch", try_launch}, CheckStatus::problem));
  if (checks.front().status != CheckStatus::ok) {
    checks.front().remedy = remedy_for_launch();
    return checks;
  }
  constexpr std::array<Trial, 5> needed = {{{"attach", try_attach},
                                            {"breakpoint", try_breakpoint},
                                            {"syscall", try_syscall},
                                            {"memory_write", try_memory},
                                            {"no_aslr", try_aslr}}};
  constexpr std::array<Trial, 6> useful = {{{"process_vm_readv", try_direct_read},
                                            {"debug_registers", try_debug_registers},
                                            {"int80", try_int80},
                                            {"programs_32_bit", try_32_bit},
                                            {"set_syscall_info", try_set_syscall_info},
                                            {"stop_cost", try_stop_cost}}};
  for (const Trial& trial : needed) checks.push_back(attempt(trial, CheckStatus::problem));
  for (const Trial& trial : useful) checks.push_back(attempt(trial, CheckStatus::missing));
  return checks;
}

}  // namespace trapline
