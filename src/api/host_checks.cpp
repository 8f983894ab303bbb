#include <trapline/host_checks.hpp>

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include <trapline/elf.hpp>
#include <trapline/error.hpp>

#include "api/host_trials.hpp"
#include "os/host.hpp"
#include "os/maps.hpp"
#include "os/proc.hpp"

namespace trapline {
namespace {

/// Of this process.
struct Self {
  os::ThreadStatus status = os::read_status(::gettid());
  std::string container = os::container();

  [[nodiscard]] bool may_trace_all() const { return (status.capabilities >> CAP_SYS_PTRACE & 1) != 0; }
};

HostCheck kernel() {
  const std::string release = os::kernel_release();
  unsigned major = 0;
  unsigned minor = 0;
  const bool told = std::sscanf(release.c_str(), "%u.%u", &major, &minor) == 2;
  if (told && (major < 5 || (major == 5 && minor < 3))) {
    return {"kernel", CheckStatus::problem, "Linux " + release, "Linux 5.3 or later (PTRACE_GET_SYSCALL_INFO)"};
  }
  return {"kernel", CheckStatus::ok, "Linux " + release};
}

HostCheck user(const Self& self) {
  const uid_t uid = self.status.effective_uid;
  return {"user", CheckStatus::ok, uid == 0 ? "root" : fmt::format("user {}", uid)};
}

HostCheck container(const Self& self) {
  std::string detail = self.container.empty() ? "none is seen" : self.container;
  if (os::in_user_namespace()) detail += ", in a user namespace";
  return {"container", CheckStatus::ok, detail};
}

HostCheck capability(const Self& self) {
  if (self.may_trace_all()) return {"cap_sys_ptrace", CheckStatus::ok, "processes of all users can be traced"};
  const bool root = self.status.effective_uid == 0;
  return {"cap_sys_ptrace", CheckStatus::missing,
          root ? "root without it: a process with other capabilities cannot be traced"
               : "only processes of this user that have gained no privileges can be traced",
          root || !self.container.empty() ? "start the container with --cap-add=SYS_PTRACE" : "run as root"};
}

HostCheck yama(const Self& self) {
  const auto scope = os::ptrace_scope();
  if (!scope) return {"ptrace_scope", CheckStatus::ok, "the kernel has no Yama"};
  const std::string detail = fmt::format("kernel.yama.ptrace_scope is {}", *scope);
  const char* remedy = "sysctl kernel.yama.ptrace_scope=0 as root, or run as root";
  if (*scope == 3)
    return {"ptrace_scope", CheckStatus::problem, detail + ": nobody can trace", "reboot; it cannot be lowered"};
  if (*scope == 0 || self.may_trace_all()) return {"ptrace_scope", CheckStatus::ok, detail};
  if (*scope == 1)
    return {"ptrace_scope", CheckStatus::problem, detail + ": only descendants can be attached to", remedy};
  return {"ptrace_scope", CheckStatus::problem, detail + ": only root can trace", remedy};
}

HostCheck seccomp(const Self& self) {
  if (self.status.seccomp == SeccompMode::none) return {"seccomp", CheckStatus::ok, "no filter judges this process"};
  const auto count = self.status.seccomp_filters;
  return {"seccomp", CheckStatus::ok,
          fmt::format("{} judge this process; `launch` tells whether they allow ptrace",
                      count ? fmt::format("{} filters", *count) : "filters")};
}

HostCheck privileges(const Self& self) {
  if (!self.status.no_new_privileges) return {"no_new_privs", CheckStatus::ok, "not set"};
  return {"no_new_privs", CheckStatus::missing, "set: set-user-id programs get no privileges here, traced or not",
          "start the container without no-new-privileges"};
}

HostCheck feature(const char* name, bool there, const char* what, const char* without) {
  return {name, there ? CheckStatus::ok : CheckStatus::missing, there ? what : without};
}

HostCheck gdb() {
  const std::string path = os::find_in_path("gdb");
  if (!path.empty()) return {"gdb", CheckStatus::ok, path};
  return {"gdb", CheckStatus::missing, "is not in PATH", "apt-get install gdb"};
}

/// The C library of this machine's programs; empty when it is where nobody looks.
std::string libc_path() {
  for (const auto& map : os::read_maps(::getpid())) {
    const std::string name = std::filesystem::path(map.name).filename().string();
    if (map.inode != 0 && (name.starts_with("libc.so") || name.starts_with("libc-2"))) return map.name;
  }
  return {};
}

HostCheck libc_symbols() {
  constexpr const char* remedy = "apt-get install libc6-dbg";
  const std::string path = libc_path();
  if (path.empty()) return {"libc_symbols", CheckStatus::missing, "this program has no libc of its own to look for"};
  const ElfFile libc(std::filesystem::path{path});
  const std::string id = libc.build_id();
  if (libc.mitigations().debug_info) return {"libc_symbols", CheckStatus::ok, path + " has them itself"};
  if (id.size() > 2) {
    const std::string file = fmt::format("/usr/lib/debug/.build-id/{}/{}.debug", id.substr(0, 2), id.substr(2));
    if (::access(file.c_str(), R_OK) == 0) return {"libc_symbols", CheckStatus::ok, file};
  }
  return {"libc_symbols", CheckStatus::missing, "there is no separate file with those of " + path, remedy};
}

HostCheck debuginfod() {
  const char* urls = std::getenv("DEBUGINFOD_URLS");
  if (urls != nullptr && *urls != '\0') return {"debuginfod", CheckStatus::ok, urls};
  return {"debuginfod", CheckStatus::missing, "DEBUGINFOD_URLS is not set: no debug information is fetched",
          "export DEBUGINFOD_URLS=https://debuginfod.debian.net, if that is wanted"};
}

HostCheck machine() {
  const unsigned cpus = os::usable_cpus();
  return {"machine", CheckStatus::ok,
          fmt::format("{}, {} usable CPU{}", os::virtual_machine() ? "virtual machine" : "no hypervisor is told", cpus,
                      cpus == 1 ? "" : "s")};
}

template <class Check>
void add(std::vector<HostCheck>& checks, const char* name, Check check) {
  try {
    checks.push_back(check());
  } catch (const std::exception& error) {
    checks.push_back({name, CheckStatus::missing, error.what()});
  }
}

}  // namespace

std::vector<HostCheck> check_host() {
  std::vector<HostCheck> checks;
  Self self;
  checks.push_back(kernel());
  checks.push_back(machine());
  checks.push_back(user(self));
  checks.push_back(container(self));
  checks.push_back(capability(self));
  checks.push_back(yama(self));
  checks.push_back(seccomp(self));
  checks.push_back(privileges(self));
  for (HostCheck& check : try_tracing()) checks.push_back(std::move(check));
  checks.push_back(feature("kcmp", os::has_kcmp(), "tells who shares memory",
                           "is forbidden or not there: children that share memory are told by their clone flags"));
  checks.push_back(feature("procmap_query", os::has_procmap_query(), "finds a mapping without reading all",
                           "is not there (Linux 6.11): maps are read as text"));
  checks.push_back(gdb());
  add(checks, "libc_symbols", libc_symbols);
  checks.push_back(debuginfod());
  return checks;
}

std::string_view to_string(CheckStatus status) {
  switch (status) {
    case CheckStatus::ok: return "ok";
    case CheckStatus::missing: return "missing";
    case CheckStatus::problem: return "problem";
  }
  return "problem";
}

}  // namespace trapline
