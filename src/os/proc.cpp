#include "os/proc.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "os/error.hpp"
#include "os/proc_text.hpp"
#include "support/bytes.hpp"

namespace trapline::os {
namespace {

std::string link_of_process(pid_t pid, const char* name) {
  return read_link_at(AT_FDCWD, fmt::format("/proc/{}/{}", pid, name));
}

bool has_signal(std::uint64_t set, int signal) {
  return signal >= 1 && signal <= 64 && ((set >> (signal - 1)) & 1) != 0;
}

/// The names in a directory that are numbers.
std::vector<pid_t> numbers_in(const std::string& path) {
  struct Close {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  const std::unique_ptr<DIR, Close> directory(::opendir(path.c_str()));
  if (!directory) throw_unreadable(errno, path);
  std::vector<pid_t> numbers;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    const char first = entry->d_name[0];
    if (first >= '0' && first <= '9') numbers.push_back(Cursor(entry->d_name).number<pid_t>(10));
  }
  if (errno != 0) throw_unreadable(errno, path);
  return numbers;
}

}  // namespace

std::vector<pid_t> list_threads(pid_t pid) {
  const std::string path = fmt::format("/proc/{}/task", pid);
  auto tids = numbers_in(path);
  if (tids.empty()) throw_unreadable(ESRCH, path);
  return tids;
}

std::vector<Parentage> list_processes() {
  std::vector<Parentage> processes;
  for (const pid_t pid : numbers_in("/proc")) {
    try {
      const ThreadStatus status = read_status(pid);
      processes.push_back({.pid = pid, .parent = status.parent, .zombie = status.state == 'Z'});
    } catch (const Error&) {
      // It has ended meanwhile.
    }
  }
  return processes;
}

bool share_memory(pid_t one, pid_t other) {
  constexpr int kcmp_vm = 1;  // KCMP_VM (kcmp(2)); the kernel must be built with it, as all distributions' are.
  const long order = ::syscall(SYS_kcmp, one, other, kcmp_vm, 0, 0);
  if (order >= 0) return order == 0;
  if (errno == ESRCH) throw ProcessGone("process " + std::to_string(other) + " is gone");
  throw_os_error(errno, "kcmp", other);
}

bool same_process(pid_t pid, pid_t tid) {
  return ::access(fmt::format("/proc/{}/task/{}", pid, tid).c_str(), F_OK) == 0;
}

PidNamespace pid_namespace(pid_t tid) {
  struct stat facts {};
  if (::stat(fmt::format("/proc/{}/ns/pid", tid).c_str(), &facts) == 0) return {facts.st_dev, facts.st_ino};
  throw_os_error(errno == ENOENT ? ESRCH : errno, "/proc/TID/ns/pid", tid);
}

ThreadStatus parse_status(std::string_view text) {
  ThreadStatus status;
  for (Cursor in(text); !in.empty();) {
    auto [key, value] = in.field();
    if (key == "State") status.state = value.character();
    if (key == "Umask") status.umask = value.number<mode_t>(8);
    if (key == "Tgid") status.tgid = value.number<pid_t>(10);
    if (key == "NStgid") status.own_tgid = Cursor(value.rest().substr(value.rest().rfind('\t') + 1)).number<pid_t>(10);
    if (key == "NSpid") status.own_tid = Cursor(value.rest().substr(value.rest().rfind('\t') + 1)).number<pid_t>(10);
    if (key == "PPid") status.parent = value.number<pid_t>(10);
    if (key == "TracerPid") status.tracer = value.number<pid_t>(10);
    if (key == "Uid") {
      status.real_uid = value.number<uid_t>(10);
      value.skip_blanks();
      status.effective_uid = value.number<uid_t>(10);
    }
    if (key == "SigPnd") status.pending = value.number<std::uint64_t>(16);
    if (key == "ShdPnd") status.process_pending = value.number<std::uint64_t>(16);
    if (key == "SigBlk") status.blocked = value.number<std::uint64_t>(16);
    if (key == "SigIgn") status.ignored = value.number<std::uint64_t>(16);
    if (key == "SigCgt") status.caught = value.number<std::uint64_t>(16);
    if (key == "CapEff") status.capabilities = value.number<std::uint64_t>(16);
    if (key == "NoNewPrivs") status.no_new_privileges = value.number<int>(10) != 0;
    if (key == "Seccomp") status.seccomp = static_cast<SeccompMode>(value.number<int>(10));
    if (key == "Seccomp_filters") status.seccomp_filters = value.number<unsigned>(10);
  }
  return status;
}

ThreadStatus read_status(pid_t tid) { return parse_status(read_file(fmt::format("/proc/{}/status", tid))); }

char thread_state(pid_t tid) {
  const std::string text = read_file(fmt::format("/proc/{}/stat", tid));
  // "TID (NAME) STATE ...", and the name may hold anything, also ") R (".
  const std::size_t end_of_name = text.rfind(')');
  return end_of_name + 2 < text.size() ? text[end_of_name + 2] : '?';
}

bool catches_signal(pid_t tid, int signal) { return has_signal(read_status(tid).caught, signal); }
bool blocks_signal(pid_t tid, int signal) { return has_signal(read_status(tid).blocked, signal); }

bool has_own_filters(pid_t tid, unsigned inherited) {
  const ThreadStatus status = read_status(tid);
  if (status.seccomp != SeccompMode::filter) return status.seccomp == SeccompMode::strict;
  return !status.seccomp_filters || *status.seccomp_filters > inherited;
}

unsigned filters_to_inherit() {
  // The file is expensive to make, and few hosts have filters.
  if (::prctl(PR_GET_SECCOMP) == 0) return 0;
  return read_status(::gettid()).seccomp_filters.value_or(0);
}

AuxiliaryVector::AuxiliaryVector(std::string_view text) {
  const auto bytes = support::as_bytes(text);
  // The entries have the program's word size. Types are small numbers: a large first word is a type and a value of 32
  // bits.
  const bool wide = support::load<std::uint64_t>(bytes).value_or(0) < 0x10000;
  const std::size_t size = wide ? 8 : 4;
  for (std::size_t at = 0; at + 2 * size <= bytes.size(); at += 2 * size) {
    auto word = [&](std::size_t offset) -> std::uint64_t {
      return wide ? *support::load<std::uint64_t>(bytes, offset) : *support::load<std::uint32_t>(bytes, offset);
    };
    if (word(at) == 0) break;
    entries_.push_back({word(at), word(at + size)});
  }
}

std::optional<std::uint64_t> AuxiliaryVector::find(std::uint64_t type) const {
  for (const Entry& entry : entries_) {
    if (entry.type == type) return entry.value;
  }
  return std::nullopt;
}

AuxiliaryVector read_auxiliary_vector(pid_t pid) {
  return AuxiliaryVector(read_file(fmt::format("/proc/{}/auxv", pid)));
}

std::string executable_path(pid_t pid) { return link_of_process(pid, "exe"); }

std::string working_directory(pid_t pid) { return link_of_process(pid, "cwd"); }

std::optional<std::string> descriptor_path(pid_t pid, int fd) {
  const std::string path = fmt::format("/proc/{}/fd/{}", pid, fd);
  std::string target;
  if (read_link(AT_FDCWD, path, target) != -1) return target;
  const int error = errno;
  if (error == ENOENT && ::access(fmt::format("/proc/{}", pid).c_str(), F_OK) == 0) return std::nullopt;
  throw_unreadable(error, path);
}

std::string thread_name(pid_t tid) {
  std::string name = read_file(fmt::format("/proc/{}/comm", tid));
  if (!name.empty() && name.back() == '\n') name.pop_back();
  return name;
}

std::optional<int> ptrace_scope() {
  try {
    return Cursor(read_file("/proc/sys/kernel/yama/ptrace_scope")).number<int>(10);
  } catch (const Error&) {
    return std::nullopt;
  }
}

namespace {

/// The thread that traces is some thread of the tracer.
std::string name_of_tracer(pid_t tid) {
  try {
    const pid_t pid = read_status(tid).tgid;
    return fmt::format("process {} ({})", pid, thread_name(pid));
  } catch (const Error&) {
    return fmt::format("process {}", tid);
  }
}

bool may_trace_all() {
  constexpr int cap_sys_ptrace = 19;  // linux/capability.h
  return (read_status(::gettid()).capabilities >> cap_sys_ptrace & 1) != 0;
}

}  // namespace

std::string explain_refused_attach(pid_t tid) {
  ThreadStatus status;
  try {
    status = read_status(tid);
  } catch (const Error&) {
    return "there is no such process";
  }
  if (status.tracer != 0) return fmt::format("it is traced already, by {}", name_of_tracer(status.tracer));
  if (status.state == 'Z') return "it is a zombie: dead, but not yet waited for by its parent";
  if (status.tgid == ::getpid()) return "it is a thread of this very process";
  if (::geteuid() == 0 && !may_trace_all()) {
    return "this process is root but lacks CAP_SYS_PTRACE, as in a container: start that with --cap-add=SYS_PTRACE";
  }
  if (::geteuid() == 0) return "it is a kernel thread, or in a place that a security module keeps closed";
  if (status.real_uid != ::geteuid()) return fmt::format("it belongs to user {}; run as root", status.real_uid);
  switch (ptrace_scope().value_or(0)) {
    case 1:
      return "kernel.yama.ptrace_scope is 1: only descendants can be traced; launch it here, run as root, or set it to "
             "0";
    case 2: return "kernel.yama.ptrace_scope is 2: only root can trace";
    case 3: return "kernel.yama.ptrace_scope is 3: nobody can attach until the next reboot";
  }
  return "it has gained privileges (set-user-id, capabilities) or is not dumpable; run as root";
}

}  // namespace trapline::os
