#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace trapline::os {

/// What the header of an ELF file says of the program in it.
struct ElfFacts {
  /// EM_* of elf.h.
  std::uint16_t machine = 0;
  /// ET_* of elf.h.
  std::uint16_t type = 0;
  bool is64 = false;
  /// As linked: relative to wherever it is loaded when the type is ET_DYN.
  std::uint64_t entry = 0;
  /// The dynamic loader that it asks for (PT_INTERP); empty when it needs none.
  std::string interpreter{};

  [[nodiscard]] bool dynamic() const { return !interpreter.empty(); }
};

/// The facts of an ELF file; nothing when it is none, OsError when it is damaged or unreadable.
[[nodiscard]] std::optional<ElfFacts> read_elf_facts(const std::string& path);

/// The file that execvp(3) would execute: a name with a slash as it is, any other looked up in `search_path` (the value
/// of PATH; the system's own when unset). Relative files are looked at from `cwd` (empty: the current directory), where
/// the program is going to start. Throws OsError that names similar files when the search finds none.
[[nodiscard]] std::string resolve_program(const std::string& name, std::optional<std::string_view> search_path,
                                          const std::string& cwd = {});

/// Throws OsError saying what would prevent the file's execution and how to mend it; returns when nothing is known to.
/// For after the kernel has refused: before, it would cost every launch as much as a tenth of its exec.
void check_executable(const std::string& path, const std::string& cwd = {});

/// True for a readable ELF program of 32 bits; its path as of check_executable.
[[nodiscard]] bool is_32_bit_program(const std::string& path, const std::string& cwd = {});

}  // namespace trapline::os
