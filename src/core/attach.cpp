#include "core/attach.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include <trapline/error.hpp>

#include "os/error.hpp"
#include "os/proc.hpp"
#include "os/ptrace.hpp"
#include "support/log.hpp"

namespace trapline::core {
namespace {

os::ThreadStatus status_for_attach(pid_t pid) {
  try {
    const os::ThreadStatus status = os::read_status(pid);
    if (status.state == 'Z' && os::list_threads(pid).size() <= 1) {
      throw ProcessGone("process " + std::to_string(pid) +
                        " is a zombie: it is dead and waits for its parent to take its status");
    }
    return status;
  } catch (const ProcessGone&) {
    if (::kill(pid, 0) == 0) throw;
    throw ProcessGone("there is no process " + std::to_string(pid));
  }
}

/// A thread born to one that is ours is ours from its birth; a leader that exited before its threads takes no request.
bool is_ours_or_dead(pid_t tid) {
  try {
    const os::ThreadStatus status = os::read_status(tid);
    return status.tracer == ::gettid() || status.state == 'Z' || status.state == 'X';
  } catch (const ProcessGone&) {
    return true;
  }
}

/// Seizes one thread; false when there is nothing to seize: it died, or is ours already.
bool seize_thread(Process& process, pid_t tid) {
  try {
    os::seize(tid, process.trace_options());
    return true;
  } catch (const ProcessGone&) {
    return false;
  } catch (const OsError& error) {
    if (process.tracer().early(tid) || is_ours_or_dead(tid)) return false;
    throw OsError(error.code(),
                  "cannot attach to process " + std::to_string(process.pid()) + ": " + os::explain_refused_attach(tid));
  }
}

void seize_all(Process& process) {
  // Threads that are born while we look are caught by their parents' events, or by the next look.
  for (bool found = true; found;) {
    found = false;
    for (const pid_t tid : os::list_threads(process.pid())) {
      if (process.tracer().find(tid) != nullptr || !seize_thread(process, tid)) continue;
      process.add_thread(tid, {}).fresh = false;
      found = true;
    }
  }
  if (process.thread_list().empty()) {
    throw ProcessGone("process " + std::to_string(process.pid()) + " died while we attached to it");
  }
}

void take(Process& process) {
  seize_all(process);
  process.image_changed();
  // Opened while nothing else can have the id.
  static_cast<void>(process.memory());
  process.started(true);
  support::log(LogCategory::process, [&] { return "attached to process " + std::to_string(process.pid()); });
}

/// False when it died on the way.
bool take_child(Process& parent, pid_t pid) {
  const auto child = parent.add_child(pid);
  try {
    take(*child);
    return true;
  } catch (const ProcessGone&) {
    parent.drop_child(*child);
    return false;
  }
}

std::shared_ptr<Process> find(const Tracer& tracer, pid_t pid) {
  const auto found = std::ranges::find(tracer.processes(), pid, [](const auto& process) { return process->pid(); });
  return found == tracer.processes().end() ? nullptr : *found;
}

/// Those at rest make no children, so that a look which finds none was the last.
void take_descendants(const Tracer& tracer) {
  for (bool found = true; found;) {
    found = false;
    for (const os::Parentage& process : os::list_processes()) {
      const auto parent = find(tracer, process.parent);
      if (!parent || process.pid == ::getpid()) continue;
      if (const auto known = find(tracer, process.pid)) {
        // Born before its parent was at rest.
        if (!known->running()) continue;
        known->rest_others();
        found = true;
      } else if (!process.zombie && take_child(*parent, process.pid)) {
        found = true;
      }
    }
  }
}

}  // namespace

void attach(Process& process, pid_t pid, AttachTo what) {
  if (pid == ::getpid()) throw UsageError("attach(" + std::to_string(pid) + "): a process cannot debug itself");
  if (pid <= 0) throw UsageError("attach(" + std::to_string(pid) + "): there is no such process id");
  const os::ThreadStatus status = status_for_attach(pid);
  process.begin(status.tgid, false, 0);
  try {
    take(process);
    if (what == AttachTo::tree) take_descendants(process.tracer());
  } catch (...) {
    auto taken = process.tracer().processes();
    // Children before their parents, which know of none afterwards.
    for (; !taken.empty(); taken.pop_back()) taken.back()->let_go_quietly();
    throw;
  }
}

}  // namespace trapline::core
