#include "chronicle.hpp"

#include <sys/wait.h>

#include <algorithm>

namespace trapline::live {

Chronicle::Chronicle(Debugger& d) {
  d.on_fork([this](Thread&, Process& child) {
    ++forks_;
    born(child.pid(), child.pid());
  });
  d.on_thread({.born = [this](Thread& thread) {
    ++threads_;
    born(thread.tid(), thread.pid());
  }});
  d.on_exec([this](Thread& thread) { executed(thread); });
  observation_ =
      d.observe({.on_syscall_enter = [this](Thread& t, const SyscallRecord& r) { enter(t, r); },
                 .on_syscall_exit = [this](Thread& t, const SyscallRecord& r) { leave(t, r, "left"); },
                 .on_thread_died = [this](Thread& t, int status) { died(t, status); },
                 .on_syscall_abandoned = [this](Thread& t, const SyscallRecord& r) { leave(t, r, "abandoned"); }});
}

void Chronicle::note(std::string what) {
  if (wrong_.size() < 20) wrong_.push_back(std::move(what));
}

void Chronicle::born(pid_t tid, pid_t pid) {
  const auto [life, fresh] = lives_.try_emplace(tid, Life{.pid = pid, .open = {}});
  if (!fresh) note(std::to_string(tid) + " is born twice");
}

void Chronicle::died(const Thread& thread, int status) {
  const pid_t tid = thread.tid();
  const auto life = lives_.find(tid);
  if (life == lives_.end()) {
    note(std::to_string(tid) + " dies, and was never born or is dead already");
    return;
  }
  if (!life->second.open.empty()) {
    note(std::to_string(tid) + " dies in call " + std::to_string(life->second.open.back()));
  }
  const pid_t pid = life->second.pid;
  lives_.erase(life);
  if (std::ranges::any_of(lives_, [pid](const auto& entry) { return entry.second.pid == pid; })) return;
  ++ended_;
  if (WIFEXITED(status)) ++codes_[WEXITSTATUS(status)];
  if (WIFSIGNALED(status)) ++signals_[WTERMSIG(status)];
}

void Chronicle::executed(const Thread& thread) {
  ++execs_;
  const pid_t pid = thread.pid();
  // The others have died before, but for the leader, whose id the caller has from here on.
  std::vector<std::int64_t> open;
  for (auto life = lives_.begin(); life != lives_.end();) {
    if (life->second.pid != pid || life->first == pid) {
      ++life;
      continue;
    }
    if (!open.empty()) note("after an exec of " + std::to_string(pid) + " more than the caller are left");
    open = life->second.open;
    life = lives_.erase(life);
  }
  Life& leader = lives_[pid];
  if (leader.pid == 0) note(std::to_string(pid) + " executes, and is not alive");
  leader.pid = pid;
  if (!open.empty()) leader.open = open;
}

void Chronicle::enter(const Thread& thread, const SyscallRecord& record) {
  // The root's birth is nobody's event.
  Life& life = lives_[thread.tid()];
  if (life.pid == 0) life.pid = thread.pid();
  life.open.push_back(record.original_number);
}

void Chronicle::leave(const Thread& thread, const SyscallRecord& record, const char* how) {
  const auto life = lives_.find(thread.tid());
  if (life == lives_.end() || life->second.open.empty() || life->second.open.back() != record.original_number) {
    note("call " + std::to_string(record.original_number) + " of " + std::to_string(thread.tid()) + " is " + how +
         " and was not entered");
    return;
  }
  life->second.open.pop_back();
  ++calls_;
}

const std::vector<std::string>& Chronicle::finish() {
  for (const auto& [tid, life] : lives_) note(std::to_string(tid) + " of " + std::to_string(life.pid) + " never dies");
  return wrong_;
}

std::size_t Chronicle::exited(int code) const {
  const auto found = codes_.find(code);
  return found == codes_.end() ? 0 : found->second;
}

std::size_t Chronicle::killed(int signal) const {
  const auto found = signals_.find(signal);
  return found == signals_.end() ? 0 : found->second;
}

std::size_t Chronicle::exited_in_all() const {
  std::size_t sum = 0;
  for (const auto& [code, count] : codes_) sum += count;
  return sum;
}

long Chronicle::sum_of_codes() const {
  long sum = 0;
  for (const auto& [code, count] : codes_) sum += code * static_cast<long>(count);
  return sum;
}

}  // namespace trapline::live
