#include "os/exec_check.hpp"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "os/error.hpp"
#include "os/near_files.hpp"
#include "support/fd.hpp"

namespace trapline::os {
namespace {

struct Machine {
  std::uint16_t number;
  std::string_view name;
};

constexpr std::array machines{
    Machine{EM_X86_64, "x86-64"},   Machine{EM_386, "i386"},       Machine{EM_AARCH64, "AArch64"},
    Machine{EM_ARM, "ARM"},         Machine{EM_RISCV, "RISC-V"},   Machine{EM_PPC64, "PowerPC64"},
    Machine{EM_PPC, "PowerPC"},     Machine{EM_S390, "IBM S/390"}, Machine{EM_MIPS, "MIPS"},
    Machine{EM_SPARCV9, "SPARC64"}, Machine{EM_SPARC, "SPARC"},    Machine{EM_68K, "m68k"},
    Machine{EM_IA_64, "Itanium"},   Machine{EM_BPF, "Linux BPF"},  Machine{EM_LOONGARCH, "LoongArch"},
};

struct NativeProgram {
  std::uint16_t machine;
  bool is64;
};

#if defined(__x86_64__)
constexpr std::array native_programs{NativeProgram{EM_X86_64, true}, NativeProgram{EM_386, false}};
#elif defined(__aarch64__)
constexpr std::array native_programs{NativeProgram{EM_AARCH64, true}, NativeProgram{EM_ARM, false}};
#endif

struct Loader {
  std::string_view path;
  std::string_view package;
};

constexpr std::array loaders{
    Loader{"/lib/ld-linux.so.2", "libc6-i386 (or libc6:i386 after dpkg --add-architecture i386)"},
    Loader{"/lib64/ld-linux-x86-64.so.2", "libc6:amd64"},
    Loader{"/libx32/ld-linux-x32.so.2", "libc6-x32"},
    Loader{"/lib/ld-linux-aarch64.so.1", "libc6:arm64"},
    Loader{"/lib/ld-linux-armhf.so.3", "libc6:armhf"},
    Loader{"/lib/ld-musl-x86_64.so.1", "musl"},
    Loader{"/lib/ld-musl-i386.so.1", "musl:i386"},
    Loader{"/lib/ld-musl-aarch64.so.1", "musl:arm64"},
};

std::string machine_name(std::uint16_t number, bool is64) {
  if (number == EM_X86_64 && !is64) return "x32 (x86-64 with 32-bit pointers)";
  const auto* found = std::ranges::find(machines, number, &Machine::number);
  return found != machines.end() ? std::string(found->name) : fmt::format("machine {}", number);
}

std::string at(const std::string& directory, const std::string& path) {
  return directory.empty() || path.starts_with('/') ? path : directory + "/" + path;
}

/// What execve's own checks would say of the file, leaving its contents aside; 0 for nothing.
int access_error(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) == -1) return errno;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  if (!S_ISREG(status.st_mode)) return EACCES;
  return ::faccessat(AT_FDCWD, file.c_str(), X_OK, AT_EACCESS) == -1 ? errno : 0;
}

[[noreturn]] void throw_missing(const std::string& path, const std::string& file) {
  const std::string near = near_files_text(file);
  throw_explained(ENOENT,
                  fmt::format("{}: does not exist{}", path, near.empty() ? "" : "; did you mean " + near + "?"));
}

[[noreturn]] void throw_access_error(int error, const std::string& path, const std::string& file) {
  if (error == ENOENT) throw_missing(path, file);
  if (error == EISDIR) throw_explained(EISDIR, fmt::format("{}: is a directory, not a program", path));
  struct stat status {};
  if (error != EACCES || ::stat(file.c_str(), &status) == -1) throw_os_error(error, path, 0);
  if (!S_ISREG(status.st_mode)) throw_explained(EACCES, fmt::format("{}: is not a regular file", path));
  struct statvfs mount {};
  if (::statvfs(file.c_str(), &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0) {
    throw_explained(EACCES, fmt::format("{}: its file system is mounted noexec (copy it elsewhere)", path));
  }
  throw_explained(EACCES, fmt::format("{}: is not executable (chmod +x {})", path, path));
}

void check_elf(const std::string& path, const ElfFacts& facts) {
  const bool native = std::ranges::any_of(native_programs, [&](const NativeProgram& program) {
    return program.machine == facts.machine && program.is64 == facts.is64;
  });
  if (!native) {
    throw_explained(ENOEXEC, fmt::format("{}: is a program for {}; this machine runs {} and {}", path,
                                         machine_name(facts.machine, facts.is64),
                                         machine_name(native_programs[0].machine, native_programs[0].is64),
                                         machine_name(native_programs[1].machine, native_programs[1].is64)));
  }
  if (facts.type == ET_REL) throw_explained(ENOEXEC, fmt::format("{}: is an object file (link it first)", path));
  if (facts.type == ET_CORE) throw_explained(ENOEXEC, fmt::format("{}: is a core dump, not a program", path));
  if (!facts.dynamic() || access_error(facts.interpreter) == 0) return;
  const auto* found = std::ranges::find(loaders, facts.interpreter, &Loader::path);
  const std::string remedy = found == loaders.end() ? "" : fmt::format(" (install {})", found->package);
  throw_explained(
      access_error(facts.interpreter),
      fmt::format("{}: its dynamic loader {} is missing or not executable{}", path, facts.interpreter, remedy));
}

/// The interpreter that a first line "#! /bin/sh -e" names; nothing when the line is none.
std::optional<std::string> interpreter_of(std::string_view start) {
  if (!start.starts_with("#!")) return std::nullopt;
  std::string_view line = start.substr(2, start.find('\n') - 2);
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return std::string(line.substr(0, line.find_first_of(" \t")));
}

std::string read_start(const std::string& file) {
  constexpr std::size_t kernel_looks_at = 256;
  const support::Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  std::string start(kernel_looks_at, '\0');
  const ssize_t count = fd.valid() ? ::pread(fd.get(), start.data(), start.size(), 0) : 0;
  start.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return start;
}

void check_contents(const std::string& path, const std::string& cwd, unsigned depth);

void check_script(const std::string& path, const std::string& cwd, const std::string& interpreter, unsigned depth) {
  constexpr unsigned kernel_follows = 5;
  if (interpreter.empty()) throw_explained(ENOEXEC, fmt::format("{}: its #! line names no interpreter", path));
  if (depth >= kernel_follows)
    throw_explained(ELOOP, fmt::format("{}: its interpreters are scripts, nested too deep", path));
  const int error = access_error(at(cwd, interpreter));
  if (error == 0) return check_contents(interpreter, cwd, depth + 1);
  if (interpreter.ends_with('\r')) {
    throw_explained(
        error, fmt::format("{}: its first line ends in CR LF, so that its interpreter {} is not found (dos2unix {})",
                           path, interpreter.substr(0, interpreter.size() - 1), path));
  }
  throw_explained(error, fmt::format("{}: its interpreter {} {}", path, interpreter,
                                     error == ENOENT ? "does not exist" : "cannot be executed: " + error_text(error)));
}

/// binfmt_misc lets administrators teach the kernel other formats (Java, Wine); then only the kernel knows.
bool kernel_knows_other_formats() { return ::access("/proc/sys/fs/binfmt_misc/status", F_OK) == 0; }

void check_contents(const std::string& path, const std::string& cwd, unsigned depth) {
  const std::string file = at(cwd, path);
  // A program may be executable without being readable: nothing can be said then.
  if (::faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) == -1) return;
  if (const auto facts = read_elf_facts(file)) return check_elf(path, *facts);
  const std::string start = read_start(file);
  if (const auto interpreter = interpreter_of(start)) return check_script(path, cwd, *interpreter, depth);
  if (start.empty()) throw_explained(ENOEXEC, fmt::format("{}: is empty", path));
  if (kernel_knows_other_formats()) return;
  throw_explained(ENOEXEC, fmt::format("{}: Exec format error: it is no ELF program and has no #! line", path));
}

std::string search(const std::string& name, std::string_view search_path, const std::string& cwd) {
  int found_error = ENOENT;
  std::string found;
  for (std::size_t begin = 0; begin <= search_path.size();) {
    const std::size_t end = std::min(search_path.find(':', begin), search_path.size());
    const std::string_view directory = search_path.substr(begin, end - begin);
    begin = end + 1;
    std::string candidate = directory.empty() ? "./" + name : fmt::format("{}/{}", directory, name);
    const int error = access_error(at(cwd, candidate));
    if (error == 0) return candidate;
    // As execvp(3) does: go on looking, and complain of what was found on the way only when nothing better comes.
    if ((error == EACCES || error == EISDIR) && found.empty()) {
      found_error = error;
      found = std::move(candidate);
    }
  }
  if (!found.empty()) throw_access_error(found_error, found, at(cwd, found));
  std::string text = fmt::format("{}: not found in PATH ({})", name, search_path);
  if (access_error(at(cwd, name)) == 0) {
    text += fmt::format("; did you mean ./{}?", name);
  } else if (const std::string near = near_programs_text(name, search_path); !near.empty()) {
    text += fmt::format("; did you mean {}?", near);
  }
  throw_explained(ENOENT, text);
}

}  // namespace

std::string resolve_program(const std::string& name, std::optional<std::string_view> search_path,
                            const std::string& cwd) {
  if (name.empty()) throw_explained(ENOENT, "the program's name is empty");
  if (name.find('/') != std::string::npos) return name;
  return search(name, search_path.value_or("/bin:/usr/bin"), cwd);
}

void check_executable(const std::string& path, const std::string& cwd) {
  const std::string file = at(cwd, path);
  if (const int error = access_error(file); error != 0) throw_access_error(error, path, file);
  check_contents(path, cwd, 0);
}

bool is_32_bit_program(const std::string& path, const std::string& cwd) {
  const std::string file = at(cwd, path);
  if (::access(file.c_str(), R_OK) == -1) return false;
  const auto facts = read_elf_facts(file);
  return facts && !facts->is64;
}

}  // namespace trapline::os
