#include "core/affinity_calls.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/one_cpu.hpp"
#include "core/process.hpp"
#include "os/proc.hpp"
#include "support/log.hpp"

namespace trapline::core {
namespace {

/// Which of our threads the program means; one whose pid namespace is not ours has other numbers
/// (PidNamespace.affinities_of_threads_that_it_knows_by_other_numbers).
std::optional<pid_t> meant(const ThreadState& caller, std::uint64_t argument, const OneCpu& one_cpu) {
  const auto named = static_cast<pid_t>(argument);
  if (named == 0) return caller.tid;
  const os::PidNamespace space = os::pid_namespace(caller.tid);
  if (space == os::pid_namespace(::getpid())) return named;
  for (const pid_t tid : one_cpu.threads()) {
    if (os::pid_namespace(tid) == space && os::read_status(tid).own_tid == named) return tid;
  }
  return std::nullopt;
}

void settle(ThreadState& thread, const FinishedCall& call, OneCpu& one_cpu) {
  const auto target = meant(thread, call.args[0], one_cpu);
  if (!target) return;
  if (call.number == arch::affinity_calls(call.abi).set) {
    one_cpu.take_over(*target);
    return;
  }
  const auto own = one_cpu.own_cpus(*target);
  if (!own) return;
  const Bytes image = own->cpus.image(static_cast<std::size_t>(call.result));
  static_cast<void>(thread.process->memory().write(call.args[2], image));
}

}  // namespace

bool is_affinity_call(Abi abi, std::int64_t number) {
  const arch::AffinityCalls calls = arch::affinity_calls(abi);
  return number == calls.get || number == calls.set;
}

void settle_affinity_call(ThreadState& thread, const FinishedCall& call) {
  OneCpu* const one_cpu = thread.process->tracer().one_cpu();
  if (one_cpu == nullptr || call.result < 0 || !is_affinity_call(call.abi, call.number)) return;
  try {
    settle(thread, call, *one_cpu);
  } catch (const ProcessGone&) {
    // The thread that was meant has died since, or this one.
  } catch (const OsError& error) {
    // It was put where it may not use the CPU any more; there it stays.
    support::log(LogCategory::process, [&] { return std::string(error.what()); });
  }
}

void settle_affinity_call_left(ThreadState& thread) {
  if (!thread.stopped() || !thread.pending || !thread.status.syscall_stop() || thread.calls.empty()) return;
  const OpenCall& call = thread.calls.top();
  if (call.skipped || !is_affinity_call(call.abi, call.number)) return;
  const os::SyscallInfo info = thread.known_info ? *thread.known_info : os::syscall_info(thread.tid);
  if (info.side != os::SyscallInfo::Side::exit) return;
  settle_affinity_call(thread, {call.abi, call.number, call.args, info.result});
}

}  // namespace trapline::core
