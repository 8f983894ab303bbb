#include "os/host.hpp"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <trapline/error.hpp>

#include "os/error.hpp"
#include "os/proc_text.hpp"
#include "support/bytes.hpp"

namespace trapline::os {
namespace {

/// Empty when it cannot be read.
std::string text_of(const std::string& path) {
  try {
    return read_file(path);
  } catch (const Error&) {
    return {};
  }
}

bool exists(const char* path) { return ::access(path, F_OK) == 0; }

/// exit(0) by i386's number, then a fault in case that it came back.
constexpr std::array<unsigned char, 11> exit_by_int80 = {0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80, 0x0f, 0x0b};

template <class Header, class ProgramHeader>
Bytes program_of(unsigned char elf_class, std::uint16_t machine) {
  constexpr std::uint32_t address = 0x400000;
  constexpr std::uint32_t size = sizeof(Header) + sizeof(ProgramHeader) + exit_by_int80.size();
  Header header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = elf_class;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = machine;
  header.e_version = EV_CURRENT;
  header.e_entry = address + sizeof(Header) + sizeof(ProgramHeader);
  header.e_phoff = sizeof(Header);
  header.e_ehsize = sizeof(Header);
  header.e_phentsize = sizeof(ProgramHeader);
  header.e_phnum = 1;
  ProgramHeader segment{};
  segment.p_type = PT_LOAD;
  segment.p_flags = PF_R | PF_X;
  segment.p_vaddr = segment.p_paddr = address;
  segment.p_filesz = segment.p_memsz = size;
  segment.p_align = 0x1000;
  Bytes program;
  for (const auto part : {support::bytes_of(header), support::bytes_of(segment), support::bytes_of(exit_by_int80)}) {
    program.insert(program.end(), part.begin(), part.end());
  }
  return program;
}

}  // namespace

std::string kernel_release() {
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "";
}

std::string container() {
  if (exists("/.dockerenv")) return "Docker (/.dockerenv)";
  if (exists("/run/.containerenv")) return "Podman (/run/.containerenv)";
  if (const char* name = ::getenv("container"); name != nullptr && *name != '\0')
    return fmt::format("{} ($container)", name);
  const std::string group = text_of("/proc/1/cgroup");
  for (const char* mark : {"docker", "lxc", "kubepods", "containerd"}) {
    if (group.find(mark) != std::string::npos) return fmt::format("{} (/proc/1/cgroup)", mark);
  }
  return {};
}

bool in_user_namespace() {
  const std::string map = text_of("/proc/self/uid_map");
  Cursor in(map);
  const auto next = [&] {
    in.skip_blanks();
    return in.number<std::uint64_t>(10);
  };
  const std::uint64_t inside = next();
  const std::uint64_t outside = next();
  const std::uint64_t count = next();
  return !map.empty() && (inside != 0 || outside != 0 || count < UINT32_MAX);
}

bool virtual_machine() { return text_of("/proc/cpuinfo").find(" hypervisor") != std::string::npos; }

unsigned usable_cpus() {
  // As large as the kernel may want it.
  std::array<cpu_set_t, 8> sets{};
  if (::sched_getaffinity(0, sizeof sets, sets.data()) == -1) return 1;
  return static_cast<unsigned>(CPU_COUNT_S(sizeof sets, sets.data()));
}

bool has_procmap_query() {
  // struct procmap_query of linux/fs.h, which the headers of older systems do not have.
  struct Query {
    std::uint64_t size = 0;
    std::uint64_t flags = 0;
    std::uint64_t address = 0;
    std::array<std::uint64_t, 6> found{};
    std::array<std::uint32_t, 4> sizes{};
    std::array<std::uint64_t, 2> buffers{};
  };
  static_assert(sizeof(Query) == 104);
  const support::Fd maps(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
  Query query;
  query.size = sizeof query;
  query.address = reinterpret_cast<std::uint64_t>(&has_procmap_query);
  return ::ioctl(maps.get(), _IOWR('f', 17, Query), &query) == 0;
}

bool has_kcmp() {
  constexpr int vm = 1;  // KCMP_VM
  return ::syscall(SYS_kcmp, ::getpid(), ::getpid(), vm, 0, 0) == 0;
}

bool has_set_syscall_info(pid_t stopped) {
  // Without a structure a kernel that knows the request finds fault with its size, and others with the request.
  constexpr int set_syscall_info = 0x4212;
  return ::syscall(SYS_ptrace, set_syscall_info, stopped, 0, 0) == -1 && errno == EINVAL;
}

bool can_read_directly(pid_t pid, Address address) {
  std::byte byte{};
  const iovec local{&byte, 1};
  const iovec remote{reinterpret_cast<void*>(address), 1};
  return ::process_vm_readv(pid, &local, 1, &remote, 1, 0) == 1;
}

std::optional<unsigned> personality_of(pid_t pid) {
  const std::string text = text_of(fmt::format("/proc/{}/personality", pid));
  if (text.empty()) return std::nullopt;
  return Cursor(text).number<unsigned>(16);
}

std::string find_in_path(const std::string& name) {
  const char* path = ::getenv("PATH");
  std::string_view folders = path != nullptr ? path : "/usr/bin:/bin";
  for (;;) {
    const std::size_t colon = folders.find(':');
    const std::string file = fmt::format("{}/{}", folders.substr(0, colon), name);
    if (file.front() == '/' && ::access(file.c_str(), X_OK) == 0) return file;
    if (colon == std::string_view::npos) return {};
    folders.remove_prefix(colon + 1);
  }
}

Bytes int80_program(bool wide) {
  return wide ? program_of<Elf64_Ehdr, Elf64_Phdr>(ELFCLASS64, EM_X86_64)
              : program_of<Elf32_Ehdr, Elf32_Phdr>(ELFCLASS32, EM_386);
}

support::Fd file_of(ByteView content) {
  support::Fd file(::memfd_create("trapline-probe", MFD_CLOEXEC));
  if (!file.valid()) throw_os_error(errno, "memfd_create", 0);
  if (::write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) {
    throw_os_error(errno, "write", 0);
  }
  return file;
}

}  // namespace trapline::os
