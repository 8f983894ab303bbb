#include <trapline/process_info.hpp>

#include <algorithm>
#include <array>

#include <trapline/process.hpp>

#include "core/process.hpp"
#include "core/process_facts.hpp"
#include "os/descriptors.hpp"
#include "os/proc.hpp"
#include "os/process_facts.hpp"

namespace trapline {
namespace {

/// What the function makes of the process's folder in /proc.
template <class F>
auto from_folder(const core::Process& process, F read) {
  std::invoke_result_t<F&, const os::ProcDirectory&, pid_t> result;
  core::look_at(process, [&](const os::ProcDirectory& folder, pid_t pid) { result = read(folder, pid); });
  return result;
}

LinkedFile link(const core::Process& process, const char* name) {
  return from_folder(process, [&](const auto& folder, pid_t) { return os::read_linked_file(folder, name); });
}

}  // namespace

std::optional<std::uint64_t> AuxiliaryVector::find(std::uint64_t type) const {
  const auto found = std::ranges::find(entries, type, &AuxiliaryEntry::type);
  return found != entries.end() ? std::optional(found->value) : std::nullopt;
}

ProcessInfo::ProcessInfo(std::shared_ptr<core::Process> process) : process_(std::move(process)) {}

AuxiliaryVector ProcessInfo::auxv() const { return core::auxiliary_vector(*process_); }

std::vector<FileDescriptor> ProcessInfo::file_descriptors() const {
  return from_folder(*process_, os::read_descriptors);
}

std::optional<FileDescriptor> ProcessInfo::file_descriptor(int number) const {
  return from_folder(*process_,
                     [&](const auto& folder, pid_t pid) { return os::read_descriptor(folder, pid, number); });
}

std::vector<std::string> ProcessInfo::command_line() const {
  return from_folder(*process_, [](const auto& folder, pid_t) { return os::split_strings(folder.read("cmdline")); });
}

std::vector<std::string> ProcessInfo::environment() const {
  return from_folder(*process_, [](const auto& folder, pid_t) { return os::split_strings(folder.read("environ")); });
}

std::optional<std::string> ProcessInfo::environment(std::string_view name) const {
  for (const std::string& entry : environment()) {
    if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name)) {
      return entry.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

LinkedFile ProcessInfo::executable() const { return link(*process_, "exe"); }
LinkedFile ProcessInfo::working_directory() const { return link(*process_, "cwd"); }
LinkedFile ProcessInfo::root() const { return link(*process_, "root"); }

std::vector<LimitInForce> ProcessInfo::limits() const {
  return from_folder(*process_, [](const auto& folder, pid_t) { return os::parse_limits(folder.read("limits")); });
}

std::vector<NamespaceId> ProcessInfo::namespaces() const {
  return from_folder(*process_, [](const auto& folder, pid_t) { return os::read_namespaces(folder); });
}

Credentials ProcessInfo::credentials() const {
  return from_folder(*process_, [](const auto& folder, pid_t) { return os::parse_credentials(folder.read("status")); });
}

ProcessIds ProcessInfo::ids() const {
  return from_folder(*process_, [](const auto& folder, pid_t) {
    ProcessIds ids = os::parse_stat(folder.read("stat")).ids;
    ids.tracer = os::parse_status(folder.read("status")).tracer;
    return ids;
  });
}

std::vector<ThreadInfo> ProcessInfo::threads() const { return core::thread_infos(*process_); }

ProcessInfo Process::info() const { return ProcessInfo(process_); }

std::string_view to_string(RunState state) {
  switch (state) {
    case RunState::running: return "running";
    case RunState::sleeping: return "sleeping";
    case RunState::disk_sleep: return "disk_sleep";
    case RunState::stopped: return "stopped";
    case RunState::traced: return "traced";
    case RunState::idle: return "idle";
    case RunState::parked: return "parked";
    case RunState::zombie: return "zombie";
    case RunState::dead: return "dead";
    case RunState::unknown: return "unknown";
  }
  return "unknown";
}

std::string_view to_string(DescriptorKind kind) {
  switch (kind) {
    case DescriptorKind::file: return "file";
    case DescriptorKind::directory: return "directory";
    case DescriptorKind::character_device: return "character_device";
    case DescriptorKind::block_device: return "block_device";
    case DescriptorKind::pipe: return "pipe";
    case DescriptorKind::fifo: return "fifo";
    case DescriptorKind::socket: return "socket";
    case DescriptorKind::memfd: return "memfd";
    case DescriptorKind::eventfd: return "eventfd";
    case DescriptorKind::epoll: return "epoll";
    case DescriptorKind::timerfd: return "timerfd";
    case DescriptorKind::signalfd: return "signalfd";
    case DescriptorKind::inotify: return "inotify";
    case DescriptorKind::fanotify: return "fanotify";
    case DescriptorKind::pidfd: return "pidfd";
    case DescriptorKind::userfaultfd: return "userfaultfd";
    case DescriptorKind::io_uring: return "io_uring";
    case DescriptorKind::perf_event: return "perf_event";
    case DescriptorKind::bpf: return "bpf";
    case DescriptorKind::name_space: return "name_space";
    case DescriptorKind::other: return "other";
  }
  return "other";
}

std::string_view capability_name(unsigned capability) {
  // In the order of linux/capability.h.
  constexpr std::array<std::string_view, 41> names = {"CAP_CHOWN",
                                                      "CAP_DAC_OVERRIDE",
                                                      "CAP_DAC_READ_SEARCH",
                                                      "CAP_FOWNER",
                                                      "CAP_FSETID",
                                                      "CAP_KILL",
                                                      "CAP_SETGID",
                                                      "CAP_SETUID",
                                                      "CAP_SETPCAP",
                                                      "CAP_LINUX_IMMUTABLE",
                                                      "CAP_NET_BIND_SERVICE",
                                                      "CAP_NET_BROADCAST",
                                                      "CAP_NET_ADMIN",
                                                      "CAP_NET_RAW",
                                                      "CAP_IPC_LOCK",
                                                      "CAP_IPC_OWNER",
                                                      "CAP_SYS_MODULE",
                                                      "CAP_SYS_RAWIO",
                                                      "CAP_SYS_CHROOT",
                                                      "CAP_SYS_PTRACE",
                                                      "CAP_SYS_PACCT",
                                                      "CAP_SYS_ADMIN",
                                                      "CAP_SYS_BOOT",
                                                      "CAP_SYS_NICE",
                                                      "CAP_SYS_RESOURCE",
                                                      "CAP_SYS_TIME",
                                                      "CAP_SYS_TTY_CONFIG",
                                                      "CAP_MKNOD",
                                                      "CAP_LEASE",
                                                      "CAP_AUDIT_WRITE",
                                                      "CAP_AUDIT_CONTROL",
                                                      "CAP_SETFCAP",
                                                      "CAP_MAC_OVERRIDE",
                                                      "CAP_MAC_ADMIN",
                                                      "CAP_SYSLOG",
                                                      "CAP_WAKE_ALARM",
                                                      "CAP_BLOCK_SUSPEND",
                                                      "CAP_AUDIT_READ",
                                                      "CAP_PERFMON",
                                                      "CAP_BPF",
                                                      "CAP_CHECKPOINT_RESTORE"};
  return capability < names.size() ? names[capability] : std::string_view{};
}

}  // namespace trapline
