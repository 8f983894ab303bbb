#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trapline/types.hpp>

namespace trapline {

enum class ElfClass { bits32, bits64 };
enum class ByteOrder { little, big };
/// What an ELF file is (ET_*).
enum class ElfType { none, relocatable, executable, shared, core, other };

/// A section header; numbers are those of elf.h.
struct TRAPLINE_API ElfSection {
  std::string name{};
  std::uint32_t type = 0;
  std::uint64_t flags = 0;
  Address address = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint32_t link = 0;
  std::uint32_t info = 0;
  std::uint64_t alignment = 0;
  std::uint64_t entry_size = 0;

  /// As readelf has it: `"PROGBITS"`; a number in hexadecimal when it has no name.
  [[nodiscard]] std::string type_name() const;
};

/// A program header; numbers are those of elf.h.
struct TRAPLINE_API ElfSegment {
  std::uint32_t type = 0;
  std::uint32_t flags = 0;
  std::uint64_t offset = 0;
  Address address = 0;
  Address physical_address = 0;
  std::uint64_t file_size = 0;
  std::uint64_t memory_size = 0;
  std::uint64_t alignment = 0;

  /// As readelf has it: `"LOAD"`; a number in hexadecimal when it has no name.
  [[nodiscard]] std::string type_name() const;
  [[nodiscard]] bool readable() const { return (flags & 4) != 0; }
  [[nodiscard]] bool writable() const { return (flags & 2) != 0; }
  [[nodiscard]] bool executable() const { return (flags & 1) != 0; }
};

/// An entry of the dynamic section, without its end mark.
struct TRAPLINE_API ElfDynamic {
  std::int64_t tag = 0;
  std::uint64_t value = 0;
  /// Of those that name a string (NEEDED, SONAME, RPATH, RUNPATH and the like).
  std::string text{};

  /// As readelf has it: `"NEEDED"`; a number in hexadecimal when it has no name.
  [[nodiscard]] std::string tag_name() const;
};

/// A GNU property (.note.gnu.property).
struct ElfProperty {
  std::uint32_t type = 0;
  Bytes data{};
};

/// How much of what the dynamic loader relocates is read-only afterwards.
enum class Relro { none, partial, full };

/// What was done to a file to make it harder to exploit, and what tells about its making.
struct ElfMitigations {
  /// A program that can be loaded anywhere, a static one too; libraries always can and are none.
  bool pie = false;
  /// The stack is not executable; unset for files that are not loaded as they are (objects, core files).
  std::optional<bool> nx{};
  Relro relro = Relro::none;
  /// Functions check their stack: the file refers to __stack_chk_fail or its like.
  bool canary = false;
  /// The functions of libc that it calls in their checked form (`"memcpy"` for __memcpy_chk), in alphabetical order.
  std::vector<std::string> fortified{};
  /// Those that it calls unchecked although libc has a checked form. What the compiler found safe is called unchecked
  /// as well.
  std::vector<std::string> unfortified{};
  /// Intel CET: indirect branches (IBT) and returns (SHSTK) are checked.
  bool ibt = false;
  bool shstk = false;
  /// AArch64: likewise, and pointers are signed.
  bool bti = false;
  bool pac = false;
  bool gcs = false;
  /// The folders of DT_RPATH and DT_RUNPATH, where libraries are searched first.
  std::vector<std::string> rpath{};
  std::vector<std::string> runpath{};
  /// Some segment is writable and executable at once.
  bool writable_code = false;
  /// The code itself is relocated (DT_TEXTREL).
  bool text_relocations = false;
  /// There is no .symtab.
  bool stripped = true;
  /// There is DWARF in the file itself.
  bool debug_info = false;
  bool asan = false;
  bool ubsan = false;
  bool msan = false;
  bool tsan = false;
};

/// All that is known of a file, but its symbols and code.
struct ElfFacts {
  ElfClass elf_class = ElfClass::bits64;
  ByteOrder byte_order = ByteOrder::little;
  ElfType type = ElfType::none;
  /// EM_* of elf.h.
  std::uint16_t machine = 0;
  std::uint8_t os_abi = 0;
  std::uint32_t flags = 0;
  /// As linked.
  Address entry = 0;
  /// The dynamic loader that it asks for; empty for none.
  std::string interpreter{};
  /// The null section, with index 0, included.
  std::vector<ElfSection> sections{};
  std::vector<ElfSegment> segments{};
  std::vector<ElfDynamic> dynamic{};
  std::vector<ElfProperty> properties{};
  Bytes build_id{};
  std::string soname{};
  std::vector<std::string> needed{};
  /// The name of its separate file with debug information (.gnu_debuglink).
  std::string debug_link{};
  bool kernel_module = false;
  ElfMitigations mitigations{};
};

[[nodiscard]] TRAPLINE_API std::string_view to_string(ElfType type);
[[nodiscard]] TRAPLINE_API std::string_view to_string(Relro relro);
/// `"x86-64"` for EM_X86_64; empty for a machine that is not known.
[[nodiscard]] TRAPLINE_API std::string_view elf_machine_name(std::uint16_t machine);

}  // namespace trapline
