#include "os/process_facts.hpp"

#include <elf.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include <trapline/error.hpp>

#include "os/proc_text.hpp"

namespace trapline::os {
namespace {

RunState state_of(char letter) {
  switch (letter) {
    case 'R': return RunState::running;
    case 'S': return RunState::sleeping;
    case 'D': return RunState::disk_sleep;
    case 'T': return RunState::stopped;
    case 't': return RunState::traced;
    case 'I': return RunState::idle;
    case 'P': return RunState::parked;
    case 'Z': return RunState::zombie;
    case 'X':
    case 'x': return RunState::dead;
    default: return RunState::unknown;
  }
}

template <class T>
T next_number(Cursor& in, int base = 10) {
  in.skip_blanks();
  return in.number<T>(base);
}

IdSet parse_ids(Cursor& in) {
  IdSet ids;
  ids.real = next_number<std::uint32_t>(in);
  ids.effective = next_number<std::uint32_t>(in);
  ids.saved = next_number<std::uint32_t>(in);
  ids.file_system = next_number<std::uint32_t>(in);
  return ids;
}

std::vector<gid_t> parse_groups(Cursor& in) {
  std::vector<gid_t> groups;
  for (in.skip_blanks(); !in.empty(); in.skip_blanks()) {
    const std::size_t before = in.rest().size();
    groups.push_back(in.number<gid_t>(10));
    if (in.rest().size() == before) break;
  }
  return groups;
}

struct LimitName {
  std::string_view name;
  int resource;
};

constexpr LimitName limit_names[] = {
    {"Max cpu time", RLIMIT_CPU},
    {"Max file size", RLIMIT_FSIZE},
    {"Max data size", RLIMIT_DATA},
    {"Max stack size", RLIMIT_STACK},
    {"Max core file size", RLIMIT_CORE},
    {"Max resident set", RLIMIT_RSS},
    {"Max processes", RLIMIT_NPROC},
    {"Max open files", RLIMIT_NOFILE},
    {"Max locked memory", RLIMIT_MEMLOCK},
    {"Max address space", RLIMIT_AS},
    {"Max file locks", RLIMIT_LOCKS},
    {"Max pending signals", RLIMIT_SIGPENDING},
    {"Max msgqueue size", RLIMIT_MSGQUEUE},
    {"Max nice priority", RLIMIT_NICE},
    {"Max realtime priority", RLIMIT_RTPRIO},
    {"Max realtime timeout", RLIMIT_RTTIME},
};

std::string_view trimmed(std::string_view text) {
  const std::size_t end = text.find_last_not_of(' ');
  return end == std::string_view::npos ? std::string_view{} : text.substr(0, end + 1);
}

std::string_view column(std::string_view line, std::size_t at, std::size_t width) {
  return at < line.size() ? trimmed(line.substr(at, width)) : std::string_view{};
}

std::optional<std::uint64_t> limit_value(std::string_view text) {
  if (text.empty() || text == "unlimited") return std::nullopt;
  return Cursor(text).number<std::uint64_t>(10);
}

struct AuxiliaryType {
  std::uint64_t type;
  std::string_view name;
  AuxiliaryKind kind = AuxiliaryKind::number;
};

constexpr auto flags = AuxiliaryKind::flags;
constexpr auto address = AuxiliaryKind::address;
constexpr auto string = AuxiliaryKind::string;

constexpr AuxiliaryType auxiliary_types[] = {
    {AT_EXECFD, "AT_EXECFD"},
    {AT_PHDR, "AT_PHDR", address},
    {AT_PHENT, "AT_PHENT"},
    {AT_PHNUM, "AT_PHNUM"},
    {AT_PAGESZ, "AT_PAGESZ"},
    {AT_BASE, "AT_BASE", address},
    {AT_FLAGS, "AT_FLAGS", flags},
    {AT_ENTRY, "AT_ENTRY", address},
    {AT_NOTELF, "AT_NOTELF"},
    {AT_UID, "AT_UID"},
    {AT_EUID, "AT_EUID"},
    {AT_GID, "AT_GID"},
    {AT_EGID, "AT_EGID"},
    {AT_PLATFORM, "AT_PLATFORM", string},
    {AT_HWCAP, "AT_HWCAP", flags},
    {AT_CLKTCK, "AT_CLKTCK"},
    {AT_FPUCW, "AT_FPUCW", flags},
    {AT_SECURE, "AT_SECURE"},
    {AT_BASE_PLATFORM, "AT_BASE_PLATFORM", string},
    {AT_RANDOM, "AT_RANDOM", address},
    {AT_HWCAP2, "AT_HWCAP2", flags},
    {27, "AT_RSEQ_FEATURE_SIZE"},
    {28, "AT_RSEQ_ALIGN"},
    {29, "AT_HWCAP3", flags},
    {30, "AT_HWCAP4", flags},
    {AT_EXECFN, "AT_EXECFN", string},
    {AT_SYSINFO, "AT_SYSINFO", address},
    {AT_SYSINFO_EHDR, "AT_SYSINFO_EHDR", address},
    {51, "AT_MINSIGSTKSZ"},
};

const AuxiliaryType* find_auxiliary(std::uint64_t type) {
  const auto* found = std::ranges::find(auxiliary_types, type, &AuxiliaryType::type);
  return found != std::end(auxiliary_types) ? found : nullptr;
}

/// What of a thread is shown to the privileged alone, or not by every kernel.
std::string read_if_told(const ProcDirectory& thread, const char* name) {
  try {
    return thread.read(name);
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

ProcessStat parse_stat(std::string_view text) {
  ProcessStat stat;
  // "TID (NAME) STATE ...", and the name may hold anything, also ") R (".
  const std::size_t name = text.find('(');
  const std::size_t end_of_name = text.rfind(')');
  if (name == std::string_view::npos || end_of_name == std::string_view::npos || end_of_name < name) return stat;
  stat.name = text.substr(name + 1, end_of_name - name - 1);
  Cursor in(text.substr(end_of_name + 1));
  in.skip_blanks();
  stat.state = state_of(in.character());
  std::array<std::int64_t, 40> fields{};
  constexpr std::size_t first = 4;  // proc(5) numbers them from 1.
  for (std::size_t i = first; i < fields.size(); ++i) {
    // Some of those that are of no interest here are larger.
    in.skip_blanks();
    const std::string_view rest = in.rest();
    if (rest.starts_with('-')) {
      fields[i] = in.number<std::int64_t>(10);
    } else {
      fields[i] = static_cast<std::int64_t>(in.number<std::uint64_t>(10));
    }
  }
  constexpr std::int64_t pf_exiting = 4;  // linux/sched.h
  stat.ids = {.parent = static_cast<pid_t>(fields[4]),
              .group = static_cast<pid_t>(fields[5]),
              .session = static_cast<pid_t>(fields[6])};
  stat.exiting = (fields[9] & pf_exiting) != 0 || stat.state == RunState::zombie || stat.state == RunState::dead;
  stat.user_ticks = static_cast<std::uint64_t>(fields[14]);
  stat.system_ticks = static_cast<std::uint64_t>(fields[15]);
  stat.nice = static_cast<int>(fields[19]);
  stat.cpu = static_cast<int>(fields[39]);
  return stat;
}

Credentials parse_credentials(std::string_view status) {
  Credentials result;
  CapabilitySets& sets = result.capabilities;
  for (Cursor in(status); !in.empty();) {
    auto [key, value] = in.field();
    if (key == "Uid") result.uid = parse_ids(value);
    if (key == "Gid") result.gid = parse_ids(value);
    if (key == "Groups") result.groups = parse_groups(value);
    if (key == "CapInh") sets.inheritable = next_number<std::uint64_t>(value, 16);
    if (key == "CapPrm") sets.permitted = next_number<std::uint64_t>(value, 16);
    if (key == "CapEff") sets.effective = next_number<std::uint64_t>(value, 16);
    if (key == "CapBnd") sets.bounding = next_number<std::uint64_t>(value, 16);
    if (key == "CapAmb") sets.ambient = next_number<std::uint64_t>(value, 16);
    if (key == "NoNewPrivs") result.no_new_privileges = next_number<int>(value) != 0;
    if (key == "Seccomp") result.seccomp = static_cast<SeccompMode>(next_number<int>(value));
    if (key == "Seccomp_filters") result.seccomp_filters = next_number<unsigned>(value);
  }
  return result;
}

std::vector<LimitInForce> parse_limits(std::string_view text) {
  std::vector<LimitInForce> limits;
  Cursor in(text);
  static_cast<void>(in.line());
  while (!in.empty()) {
    // "%-25s %-20s %-20s %-10s"
    const std::string_view line = in.line();
    const std::string_view name = column(line, 0, 25);
    if (name.empty()) continue;
    const auto* known = std::ranges::find(limit_names, name, &LimitName::name);
    limits.push_back({.resource = known != std::end(limit_names) ? known->resource : -1,
                      .name = std::string(name),
                      .soft = limit_value(column(line, 26, 20)),
                      .hard = limit_value(column(line, 47, 20)),
                      .unit = std::string(column(line, 68, 10))});
  }
  return limits;
}

std::optional<BlockedCall> parse_blocked_call(std::string_view text) {
  // "running", "-1 SP PC" outside of a call, or "NUMBER ARGUMENT*6 SP PC".
  Cursor in(text);
  BlockedCall call;
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  call.number = in.number<std::int64_t>(10);
  const auto next = [&] {
    in.skip_blanks();
    if (in.rest().starts_with("0x")) {
      in.character();
      in.character();
    }
    return in.number<std::uint64_t>(16);
  };
  for (std::uint64_t& argument : call.arguments) argument = next();
  call.stack_pointer = next();
  call.pc = next();
  return call;
}

std::vector<std::string> split_strings(std::string_view text) {
  std::vector<std::string> strings;
  while (!text.empty()) {
    const std::size_t end = text.find('\0');
    strings.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return strings;
}

std::string_view auxiliary_name(std::uint64_t type) {
  const AuxiliaryType* found = find_auxiliary(type);
  return found != nullptr ? found->name : std::string_view{};
}

AuxiliaryKind auxiliary_kind(std::uint64_t type) {
  const AuxiliaryType* found = find_auxiliary(type);
  return found != nullptr ? found->kind : AuxiliaryKind::number;
}

LinkedFile read_linked_file(const ProcDirectory& process, const std::string& name) {
  LinkedFile file{.path = process.link(name)};
  constexpr std::string_view mark = " (deleted)";
  if (!file.path.ends_with(mark)) return file;
  // A file may also be called so.
  struct stat linked {};
  struct stat named {};
  const bool told = ::fstatat(process.fd(), name.c_str(), &linked, 0) == 0;
  const std::string path = "root" + file.path;
  const bool exists = ::fstatat(process.fd(), path.c_str(), &named, 0) == 0;
  if (told && exists && linked.st_dev == named.st_dev && linked.st_ino == named.st_ino) return file;
  file.deleted = true;
  file.path.resize(file.path.size() - mark.size());
  return file;
}

std::vector<NamespaceId> read_namespaces(const ProcDirectory& process) {
  std::vector<NamespaceId> namespaces;
  for (const std::string& name : process.names("ns")) {
    std::string target;
    // The one for children does not exist before the first child is born in it.
    if (read_link(process.fd(), "ns/" + name, target) == -1) continue;
    const std::size_t bracket = target.find('[');
    if (bracket == std::string::npos) continue;
    namespaces.push_back(
        {.name = name, .inode = Cursor(std::string_view(target).substr(bracket + 1)).number<std::uint64_t>(10)});
  }
  std::ranges::sort(namespaces, {}, &NamespaceId::name);
  return namespaces;
}

ThreadInfo read_thread(const ProcDirectory& thread, pid_t tid) {
  const ProcessStat stat = parse_stat(thread.read("stat"));
  static const auto ticks = static_cast<std::uint64_t>(std::max(::sysconf(_SC_CLK_TCK), 1L));
  const auto time = [](std::uint64_t count) { return std::chrono::nanoseconds(count * (1'000'000'000 / ticks)); };
  ThreadInfo info{.tid = tid,
                  .name = stat.name,
                  .state = stat.state,
                  .syscall = parse_blocked_call(read_if_told(thread, "syscall")),
                  .wait_channel = read_if_told(thread, "wchan"),
                  .user_time = time(stat.user_ticks),
                  .system_time = time(stat.system_ticks),
                  .nice = stat.nice,
                  .cpu = stat.cpu};
  if (info.wait_channel == "0") info.wait_channel.clear();
  return info;
}

}  // namespace trapline::os
