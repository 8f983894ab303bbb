#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <trapline/types.hpp>

#include "support/fd.hpp"

struct Elf;

namespace trapline::symbols {

/// A PT_LOAD segment; the address is the one that the file was linked for.
struct Segment {
  std::uint64_t offset = 0;
  Address address = 0;
  std::uint64_t memory_size = 0;
};

enum class Binding : std::uint8_t { global, weak, local };

/// A defined symbol that stands for a place in memory; the address is the one that the file was linked for.
struct FileSymbol {
  Address address = 0;
  std::uint64_t size = 0;
  /// How far its section reaches from here: what a symbol without a size can cover at most.
  std::uint64_t room = 0;
  /// Where its name, without a version, is in FileSymbols::names.
  std::uint32_t name = 0;
  std::uint32_t name_size = 0;
  Binding binding = Binding::global;
  /// An old version kept for old programs (`memcpy@GLIBC_2.2.5`), which no new program gets by this name.
  bool old_version = false;
  /// The function chooses the one that is meant (STT_GNU_IFUNC).
  bool indirect = false;
};

struct FileSymbols {
  std::vector<FileSymbol> symbols;
  std::string names;
  /// Without .symtab: only what the file exports is known.
  bool stripped = true;
};

/// An ELF file of any class, read through libelf. It is read and never mapped: a file that shrinks meanwhile is a
/// damaged one, no SIGBUS.
class ElfFile {
 public:
  /// Throws SymbolError when it is no ELF file.
  explicit ElfFile(support::Fd file);
  /// An image of a whole file, as the vDSO is one in memory.
  explicit ElfFile(Bytes image);

  [[nodiscard]] std::vector<Segment> segments() const;
  /// What .symtab and .dynsym define, less sections, files and thread-local variables.
  [[nodiscard]] FileSymbols symbols() const;
  /// An ELF image of nothing but the call frame information, so that it can outlive the open file; empty without any.
  [[nodiscard]] Bytes frame_image() const;

 private:
  struct End {
    void operator()(Elf* elf) const;
  };

  support::Fd file_;
  Bytes image_;
  std::unique_ptr<Elf, End> elf_;
};

}  // namespace trapline::symbols
