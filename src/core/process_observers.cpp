#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/process.hpp"
#include "core/syscall_resume.hpp"
#include "core/thread_calls.hpp"
#include "os/ptrace.hpp"

namespace trapline::core {

using Run = ThreadState::Run;

void Process::plan_filter() {
  if (!filter_.enabled()) return;
  auto wanted = handlers_.wanted();
  for (const Watcher& watcher : *watchers_) {
    if (!watcher.observer->on_syscall_enter && !watcher.observer->on_syscall_exit) continue;
    for (std::size_t abi = 0; abi < wanted.size(); ++abi) wanted[abi].add(watcher.wanted[abi]);
  }
  if (options_.one_cpu) {
    for (std::size_t abi = 0; abi < wanted.size(); ++abi) {
      const arch::AffinityCalls calls = arch::affinity_calls(static_cast<Abi>(abi));
      wanted[abi].numbers.insert(wanted[abi].numbers.end(), {calls.set, calls.get});
    }
  }
  filter_.want(wanted);
}

void Process::tracing_changed() {
  const bool wanted = std::exchange(wants_syscalls_, false);
  wants_syscalls_ = shares_cpu() || handlers_.any_live() || std::ranges::any_of(*watchers_, [](const Watcher& watcher) {
                      return watcher.observer->on_syscall_enter || watcher.observer->on_syscall_exit;
                    });
  plan_filter();
  if (!wanted) {
    // Meanwhile the program may have put in filters of its own.
    forget_filtered(*this);
    filter_.forget_spreads();
  }
  if (!wants_syscalls() || !running()) return;
  if (std::ranges::any_of(threads_, [](const auto& thread) { return would_miss_exit(*thread); })) {
    // A call that is interrupted now restarts, and is seen to its end.
    const AllHeld all(*this);
  }
  for (const auto& thread : threads_) {
    // A thread that runs freely reports no syscalls; its interruption is answered by going on with them.
    if (thread->run != Run::running || thread->last_resume != os::Resume::cont || thread->claimed) continue;
    if (filter_.covers() && thread->filtered == false) continue;
    try {
      core::interrupt(*thread);
    } catch (const ProcessGone&) {
    }
  }
}

std::shared_ptr<Observer> Process::observe(Observer observer) {
  Watcher watcher{std::make_shared<Observer>(std::move(observer)), {}};
  watcher.wanted = resolve(watcher.observer->syscalls);
  auto result = watcher.observer;
  auto changed = std::make_shared<Watchers>(*watchers_);
  changed->push_back(std::move(watcher));
  watchers_ = std::move(changed);
  tracing_changed();
  return result;
}

void Process::stop_observing(Tracer& tracer, const Observer* observer) {
  for (const auto& process : std::vector(tracer.processes())) process->stop_observing(observer);
}

void Process::stop_observing(const Observer* observer) {
  const bool observes =
      std::ranges::any_of(*watchers_, [&](const Watcher& watcher) { return watcher.observer.get() == observer; });
  if (!observes) return;
  auto changed = std::make_shared<Watchers>(*watchers_);
  std::erase_if(*changed, [&](const Watcher& watcher) { return watcher.observer.get() == observer; });
  watchers_ = std::move(changed);
  tracing_changed();
}

}  // namespace trapline::core
