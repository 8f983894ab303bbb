#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/process.hpp"
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
  wants_syscalls_ = shares_cpu() || handlers_.any_live() || std::ranges::any_of(*watchers_, [](const Watcher& watcher) {
                      return watcher.observer->on_syscall_enter || watcher.observer->on_syscall_exit;
                    });
  plan_filter();
  if (!wants_syscalls() || filter_.covers() || !running()) return;
  for (const auto& thread : threads_) {
    // A thread that runs freely reports no syscalls; its interruption is answered by going on with them.
    if (thread->run != Run::running || thread->last_resume != os::Resume::cont || thread->claimed) continue;
    try {
      os::interrupt(thread->tid);
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
