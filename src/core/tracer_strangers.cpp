#include <unistd.h>

#include <algorithm>
#include <csignal>

#include <trapline/error.hpp>

#include "core/process.hpp"
#include "core/thread_state.hpp"
#include "core/tracer.hpp"
#include "os/proc.hpp"
#include "os/ptrace.hpp"

// Events of tasks that are none of ours, or not yet: the host's children, and tracees that stop before whoever gave
// birth to them tells of it.

namespace trapline::core {

void Tracer::handle_stranger(const os::Waited& event) {
  const auto release = std::ranges::find(to_release_, event.tid);
  if (release != to_release_.end()) {
    to_release_.erase(release);
    os::take(event.tid);
    if (event.status.dead()) return;
    try {
      os::detach(event.tid, event.status.delivered_signal());
    } catch (const ProcessGone&) {
    }
    return;
  }
  if (event.status.dead()) {
    // Either a child that a callback started, or a tracee that died before its birth was announced.
    if (early_.contains(event.tid)) {
      os::take(event.tid);
      early_[event.tid] = event.status;
    } else {
      foreign_zombie_ = true;
    }
    return;
  }
  try {
    static_cast<void>(os::event_message(event.tid));
  } catch (const Error&) {
    // Not a tracee of ours: a stopped child of the host's. Taking its stop harms nobody who did not ask for stops.
    os::take(event.tid);
    return;
  }
  os::take(event.tid);
  early_[event.tid] = event.status;
  if (event.status.event() == os::WaitStatus::Event::exit) {
    // Killed at its birth together with its parent, which will never announce it: nobody else lets it die
    // (Death.while_threads_are_being_born).
    try {
      os::resume(event.tid, os::Resume::cont, 0);
    } catch (const Error&) {
    }
    return;
  }
  adopt_orphan(event.tid);
}

void Tracer::adopt_orphans(const std::shared_ptr<Process>& dead) {
  if (dead->followed()) last_dead_ = dead;
  std::vector<pid_t> strangers;
  for (const auto& [tid, status] : early_) strangers.push_back(tid);
  for (const pid_t tid : strangers) adopt_orphan(tid);
}

void Tracer::adopt_orphan(pid_t tid) {
  const auto parent = last_dead_.lock();
  if (!parent) return;
  try {
    const os::ThreadStatus status = os::read_status(tid);
    // A child of the host's was made with CLONE_PARENT, and its maker lives.
    const bool has_parent = status.parent == ::getpid() || std::ranges::any_of(processes_, [&](const auto& process) {
                              return process->pid() == status.parent;
                            });
    if (status.tgid != tid || status.state == 'Z' || has_parent) return;
  } catch (const Error&) {
    return;
  }
  parent->adopt_orphan(tid);
}

bool Tracer::early(pid_t tid) const { return early_.contains(tid); }

void Tracer::release_at_first_stop(pid_t tid) {
  if (early_.erase(tid) != 0) {
    try {
      os::detach(tid, 0);
    } catch (const ProcessGone&) {
    }
    return;
  }
  to_release_.push_back(tid);
}

std::optional<os::WaitStatus> Tracer::early_status(pid_t tid) {
  if (const auto early = early_.extract(tid)) {
    // A death that nobody asked for may be of an earlier bearer of the id.
    const bool stale = early.mapped().dead() && ::kill(tid, 0) == 0;
    if (!stale) return early.mapped();
  }
  if (!foreign_zombie_) return std::nullopt;
  // Deaths are not waited for now.
  const auto seen = os::look_one(tid, os::Sleep::no);
  if (!seen || !seen->status.dead()) return std::nullopt;
  const auto taken = os::take(tid);
  return taken ? taken->status : seen->status;
}

}  // namespace trapline::core
