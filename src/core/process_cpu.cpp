#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include <trapline/error.hpp>

#include "core/one_cpu.hpp"
#include "core/process.hpp"
#include "support/log.hpp"

// A process on the tracer's CPU. It comes there when its program begins, or is attached to: what runs before that, the
// dynamic loader and the constructors of its libraries, runs without syscall stops and would see what we have done.
// Threads and children have by the kernel what their makers have.

namespace trapline::core {
namespace {

void log_refusal(const std::exception& error) {
  support::log(LogCategory::process, [&] { return std::string("one_cpu: ") + error.what(); });
}

}  // namespace

void Process::share_cpu() {
  if (!options_.one_cpu || !followed_) return;
  if (!kill_on_exit()) tracer_->guard();
  std::optional<OsError> refusal;
  for (const auto& thread : threads_) {
    try {
      OneCpu& one_cpu = tracer_->choose_cpu(os::affinity(thread->tid));
      if (!one_cpu.known(thread->tid)) one_cpu.bind(thread->tid);
      if (!own_cpus_) own_cpus_ = one_cpu.known(thread->tid);
    } catch (const ProcessGone&) {
      // It dies, and there may be others.
    } catch (const OsError& error) {
      log_refusal(error);
      refusal = OsError(error.code(), std::string("one_cpu: ") + error.what());
    }
  }
  if (own_cpus_) return;
  tracer_->leave_cpu_if_alone();
  if (refusal) throw *refusal;
}

void Process::inherit_cpu(Process& parent, pid_t maker) {
  if (!options_.one_cpu || !followed_) return;
  try {
    if (const auto own = parent.own_cpus_) {
      OneCpu& one_cpu = tracer_->choose_cpu(own->cpus);
      const bool orphan = parent.seen_dead();
      if (orphan) one_cpu.bind_orphan(pid_, own);
      one_cpu.inherit(maker, pid_);
      own_cpus_ = own;
    } else {
      // Its parent is still in its loader.
      OneCpu& one_cpu = tracer_->choose_cpu(os::affinity(pid_));
      one_cpu.bind(pid_);
      own_cpus_ = one_cpu.known(pid_);
    }
    tracing_changed();
  } catch (const Error& error) {
    log_refusal(error);
    tracer_->leave_cpu_if_alone();
  }
}

void Process::give_cpus_to_stranger(pid_t maker, pid_t child) {
  if (!own_cpus_) return;
  const OneCpu* const one_cpu = tracer_->one_cpu();
  const auto own = one_cpu != nullptr && maker != 0 ? one_cpu->known(maker) : own_cpus_;
  if (!own) return;
  try {
    os::set_affinity(child, own->cpus);
  } catch (const Error& error) {
    log_refusal(error);
  }
}

OneCpu& Tracer::choose_cpu(const support::CpuSet& usable) {
  if (!one_cpu_) one_cpu_ = std::make_unique<OneCpu>(usable, affinities_);
  return *one_cpu_;
}

void Tracer::leave_cpu_if_alone() {
  if (std::ranges::none_of(processes_, [](const auto& process) { return process->shares_cpu(); })) one_cpu_.reset();
}

}  // namespace trapline::core
