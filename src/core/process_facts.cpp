#include "core/process_facts.hpp"

#include <algorithm>

#include <trapline/error.hpp>
#include <trapline/syscall_id.hpp>

#include "arch/arch.hpp"
#include "core/memory_text.hpp"
#include "core/process.hpp"
#include "os/proc.hpp"
#include "os/process_facts.hpp"

namespace trapline::core {
namespace {

[[noreturn]] void throw_gone(const Process& process) {
  const char* why = process.dead() ? " is dead" : " is exiting, or was detached";
  throw ProcessGone("process " + std::to_string(process.pid()) + why);
}

/// Its folder in /proc. As long as the process is not gone after it was opened it is no other's with the same id.
os::ProcDirectory folder_of(const Process& process) {
  const pid_t pid = process.pid();
  if (pid == 0) throw UsageError("there is no process yet: call run() or attach() first");
  if (process.gone()) throw_gone(process);
  os::ProcDirectory folder(pid);
  if (process.gone() || process.pid() != pid) throw_gone(process);
  return folder;
}

/// False when it is exiting, so that what was read may be what is left of it.
bool look_through(const os::ProcDirectory& folder, pid_t pid,
                  support::FunctionRef<void(const os::ProcDirectory&, pid_t)> read) {
  const auto exiting = [&] { return os::parse_stat(folder.read("stat")).exiting; };
  try {
    try {
      read(folder, pid);
      return !exiting();
    } catch (const OsError&) {
      // What has no memory any more is closed to ordinary users, whoever's it is
      // (ProcessInfoLive.after_the_leader_has_exited_for_somebody_without_privileges).
      if (!exiting()) throw;
      return false;
    }
  } catch (const ProcessGone&) {
    return false;
  }
}

void name_call(ThreadInfo& info, Arch arch) {
  if (!info.syscall) return;
  info.syscall->name = syscall_name(arch::native_abi(arch), info.syscall->number);
}

}  // namespace

void look_at(const Process& process, support::FunctionRef<void(const os::ProcDirectory&, pid_t)> read) {
  const os::ProcDirectory folder = folder_of(process);
  if (look_through(folder, process.pid(), read)) return;
  // A leader that exited before its threads has neither memory nor descriptors any more, but they do.
  for (const pid_t tid : folder.numbers("task")) {
    if (tid == process.pid()) continue;
    try {
      if (look_through(folder.thread(tid), tid, read)) return;
    } catch (const ProcessGone&) {
      // It ended as well.
    }
  }
  throw_gone(process);
}

AuxiliaryVector auxiliary_vector(Process& process) {
  AuxiliaryVector result;
  look_at(process, [&](const os::ProcDirectory& folder, pid_t) {
    result.entries.clear();
    const os::AuxiliaryVector read(folder.read("auxv"));
    for (const auto& [type, value] : read.entries()) {
      result.entries.push_back(
          {.type = type, .value = value, .name = os::auxiliary_name(type), .kind = os::auxiliary_kind(type)});
    }
  });
  for (AuxiliaryEntry& entry : result.entries) {
    if (entry.kind == AuxiliaryKind::string && entry.value != 0)
      entry.text = string_at(process, entry.value).value_or("");
  }
  return result;
}

std::vector<ThreadInfo> thread_infos(const Process& process) {
  const os::ProcDirectory folder = folder_of(process);
  std::vector<ThreadInfo> infos;
  for (const pid_t tid : folder.numbers("task")) {
    try {
      infos.push_back(os::read_thread(folder.thread(tid), tid));
      name_call(infos.back(), process.arch());
    } catch (const ProcessGone&) {
      // It ended while we looked.
    }
  }
  const auto living = [](const ThreadInfo& info) {
    return info.state != RunState::zombie && info.state != RunState::dead;
  };
  if (std::ranges::none_of(infos, living)) throw_gone(process);
  const auto main = std::ranges::find(infos, process.pid(), &ThreadInfo::tid);
  if (main != infos.end()) std::rotate(infos.begin(), main, std::next(main));
  return infos;
}

ThreadInfo thread_info(const ThreadState& thread) {
  const os::ProcDirectory folder = folder_of(*thread.process).thread(thread.tid);
  // Its id may be another's by now.
  if (thread.dead) throw ProcessGone("thread " + std::to_string(thread.tid) + " is dead");
  ThreadInfo info = os::read_thread(folder, thread.tid);
  name_call(info, thread.process->arch());
  return info;
}

std::string thread_name(const ThreadState& thread) {
  const os::ProcDirectory folder = folder_of(*thread.process).thread(thread.tid);
  if (thread.dead) throw ProcessGone("thread " + std::to_string(thread.tid) + " is dead");
  std::string name = folder.read("comm");
  if (!name.empty() && name.back() == '\n') name.pop_back();
  return name;
}

}  // namespace trapline::core
