#include <elf.h>
#include <sys/mman.h>

#include <algorithm>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/function_call.hpp"
#include "core/process.hpp"
#include "core/thread_calls.hpp"
#include "os/proc.hpp"

// Where the functions that we call return to.

namespace trapline::core {
namespace {

constexpr std::size_t page_size = 4096;

/// 0 when the tracee has no page for us.
Address map_page(ThreadState& thread, Remote& remote) {
  // A filter of the program's own may kill it for a call that it does not make itself.
  if (has_own_filters(thread)) return 0;
  const std::int64_t result = map_memory(remote, {.size = page_size, .protection = PROT_READ | PROT_EXEC});
  if (failed(result)) return 0;
  Process& process = *thread.process;
  const auto page = static_cast<Address>(result);
  process.remote_memory().return_page = page;
  const auto code = arch::call_convention(process.arch())->end_process;
  return process.memory().write(page, code) == code.size() ? page : 0;
}

/// Nobody executes it a second time.
Address entry_point(const Process& process) {
  const auto entry = os::read_auxiliary_vector(process.pid()).find(AT_ENTRY);
  if (!entry) throw UsageError("a called function would have nowhere to return to: the program has no entry point");
  return *entry;
}

/// The call that a thread has returned from: by its stack pointer, since calls nest, or some of the function's
/// arguments may be gone from the stack (stdcall).
std::size_t returned_from(const ThreadState& thread, Address sp) {
  const auto& calls = thread.function_calls;
  for (std::size_t i = calls.size(); i-- > 0;) {
    if (calls[i]->sp_at_return() == sp) return i;
  }
  const auto outermost = std::ranges::find_if(calls, [=](const auto& call) { return call->sp_at_return() <= sp; });
  return static_cast<std::size_t>(outermost - calls.begin());
}

Verdict on_return(ThreadState& thread) {
  const std::size_t index = returned_from(thread, thread.registers.glance(arch::info(thread.process->arch()).sp));
  if (index == thread.function_calls.size()) return Verdict::go_on;
  // Those inside it were jumped out of.
  while (thread.function_calls.size() > index + 1) {
    const auto inner = thread.function_calls.back();
    thread.function_calls.pop_back();
    inner->note(FunctionCall::State::left);
    inner->forget();
  }
  const auto call = thread.function_calls.back();
  call->note(FunctionCall::State::returned);
  if (call->awaited()) return Verdict::go_on;
  thread.function_calls.pop_back();
  call->restore();
  if (thread.emulated && thread.view == ThreadState::View::enter && thread.calls.top().skipped) {
    thread.exit_due = true;
    thread.process->keep(thread);
  }
  return Verdict::go_on;
}

}  // namespace

Address return_trap(ThreadState& thread, Remote& remote) {
  Process& process = *thread.process;
  RemoteMemory& memory = process.remote_memory();
  if (memory.return_trap != 0) return memory.return_trap;
  Address at = map_page(thread, remote);
  if (at == 0) at = entry_point(process);
  static_cast<void>(process.breakpoints().add_internal(at, on_return));
  Site* const site = process.breakpoints().find(at);
  if (site == nullptr) throw UsageError("a called function would have nowhere to return to: its page is not writable");
  // Nobody goes on from there.
  site->slotless = true;
  memory.return_trap = at;
  return at;
}

}  // namespace trapline::core
