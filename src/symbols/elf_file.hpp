#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <trapline/elf_facts.hpp>
#include <trapline/types.hpp>

#include "support/fd.hpp"
#include "symbols/debug_image.hpp"

namespace trapline::symbols {

/// A PT_LOAD segment; the address is the one that the file was linked for.
struct Segment {
  std::uint64_t offset = 0;
  Address address = 0;
  std::uint64_t memory_size = 0;
};

/// A section header; `bits` says whether the file has its content.
struct Section {
  std::string name;
  std::uint32_t type = 0;
  std::uint64_t flags = 0;
  Address address = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint32_t link = 0;
  std::uint64_t entry_size = 0;
  bool bits = true;
};

/// A part of a file. A zero follows it, so that the last string in it ends too. It is as large as the file's names are,
/// and therefore neither cleared first nor copied.
class Content {
 public:
  Content() = default;
  explicit Content(std::size_t size) : data_(std::make_unique_for_overwrite<char[]>(size + 1)) { shrink(size); }

  void shrink(std::size_t size) {
    size_ = size;
    data_[size] = '\0';
  }
  [[nodiscard]] char* data() { return data_.get(); }
  [[nodiscard]] std::string_view text() const { return {data_.get(), size_}; }
  [[nodiscard]] ByteView bytes() const { return std::as_bytes(std::span(data_.get(), size_)); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
};

/// What .gnu_debuglink says: the name of the file with the debug information, and the checksum of that file.
struct DebugLink {
  std::string name;
  std::uint32_t checksum = 0;
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
  /// What the linker named this build by; empty without one.
  [[nodiscard]] Bytes build_id() const;
  [[nodiscard]] std::optional<DebugLink> debug_link() const;
  /// By their indices, the first of which is none.
  [[nodiscard]] std::vector<Section> sections() const;
  /// The bytes of a section that the file has: fewer than it claims when the file ends before.
  [[nodiscard]] Content content(const Section& section) const;
  /// e_machine (elf.h).
  [[nodiscard]] unsigned machine() const;
  [[nodiscard]] bool is_64_bit() const;
  /// The byte order of all machines that we debug; there is nothing for us in others.
  [[nodiscard]] bool is_little_endian() const;
  /// An ELF image of nothing but the call frame information, so that it can outlive the open file; empty without any.
  [[nodiscard]] Bytes frame_image() const;
  /// What it says of itself; parts that are damaged are left out.
  [[nodiscard]] ElfFacts facts() const;
  [[nodiscard]] DebugImage debug_image() const;
  /// For what else libdw reads of it, while this lives.
  [[nodiscard]] Elf* handle() const { return elf_.get(); }

 private:
  struct End {
    void operator()(Elf* elf) const;
  };

  support::Fd file_;
  Bytes image_;
  std::uint64_t size_ = 0;
  std::unique_ptr<Elf, End> elf_;
};

/// Nothing when the file is none.
[[nodiscard]] std::optional<ElfFile> elf_in(support::Fd file);
/// Likewise, of the regular file at a path.
[[nodiscard]] std::optional<ElfFile> open_elf(const std::string& path);

/// The build id of a file, or of an image of one; nullptr when it is no ELF file, or has none.
[[nodiscard]] std::shared_ptr<const Bytes> build_id_of_file(const std::string& path);
[[nodiscard]] std::shared_ptr<const Bytes> build_id_of_image(Bytes image);

}  // namespace trapline::symbols
