#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <span>
#include <vector>

#include "os/error.hpp"
#include "os/exec_check.hpp"
#include "support/bytes.hpp"
#include "support/fd.hpp"

namespace trapline::os {
namespace {

[[noreturn]] void throw_truncated(const std::string& path, std::uint64_t size, std::uint64_t needed) {
  throw_explained(ENOEXEC, fmt::format("{}: the ELF file is truncated: it has {} bytes and needs {} (copy it again)",
                                       path, size, needed));
}

class ElfReader {
 public:
  explicit ElfReader(const std::string& path) : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (!file_.valid()) throw_os_error(errno, path, 0);
    struct stat status {};
    if (::fstat(file_.get(), &status) == -1) throw_os_error(errno, path, 0);
    size_ = static_cast<std::uint64_t>(status.st_size);
    const ssize_t count = ::pread(file_.get(), head_.data(), head_.size(), 0);
    if (count == -1) throw_os_error(errno, path, 0);
    head_size_ = static_cast<std::size_t>(count);
  }

  [[nodiscard]] std::optional<ElfFacts> facts() {
    const auto head = std::span(head_).first(head_size_);
    if (!support::as_text(head).starts_with(ELFMAG)) return std::nullopt;
    if (head.size() < EI_NIDENT) throw_truncated(path_, size_, sizeof(Elf32_Ehdr));
    const auto ident = *support::load<std::array<unsigned char, EI_NIDENT>>(head);
    if (ident[EI_DATA] != ELFDATA2LSB) return big_endian_facts(ident[EI_CLASS] == ELFCLASS64);
    if (ident[EI_CLASS] == ELFCLASS64) return read<Elf64_Ehdr, Elf64_Phdr>(true);
    if (ident[EI_CLASS] == ELFCLASS32) return read<Elf32_Ehdr, Elf32_Phdr>(false);
    throw_explained(ENOEXEC, fmt::format("{}: a damaged ELF file: it is neither of 32 nor of 64 bits", path_));
  }

 private:
  std::vector<std::byte> bytes(std::uint64_t offset, std::size_t size) const {
    if (offset > size_ || size_ - offset < size) throw_truncated(path_, size_, offset + size);
    if (offset + size <= head_size_)
      return {head_.begin() + static_cast<std::ptrdiff_t>(offset),
              head_.begin() + static_cast<std::ptrdiff_t>(offset + size)};
    std::vector<std::byte> buffer(size);
    if (::pread(file_.get(), buffer.data(), size, static_cast<off_t>(offset)) != static_cast<ssize_t>(size)) {
      throw_os_error(errno == 0 ? EIO : errno, path_, 0);
    }
    return buffer;
  }

  /// No machine that we run on is big-endian: its name is all that matters, and that sits at the same place everywhere.
  ElfFacts big_endian_facts(bool is64) const {
    const auto machine = bytes(offsetof(Elf64_Ehdr, e_machine), 2);
    ElfFacts facts;
    facts.is64 = is64;
    facts.machine = static_cast<std::uint16_t>((std::to_integer<unsigned>(machine[0]) << 8) |
                                               std::to_integer<unsigned>(machine[1]));
    return facts;
  }

  template <class Header, class Segment>
  ElfFacts read(bool is64) const {
    const auto header = *support::load<Header>(bytes(0, sizeof(Header)));
    ElfFacts facts;
    facts.machine = header.e_machine;
    facts.type = header.e_type;
    facts.is64 = is64;
    facts.entry = header.e_entry;
    if (header.e_phnum == 0) return facts;
    if (header.e_phentsize != sizeof(Segment)) {
      throw_explained(ENOEXEC, fmt::format("{}: a damaged ELF file: its program headers have a wrong size", path_));
    }
    const auto table = bytes(header.e_phoff, sizeof(Segment) * header.e_phnum);
    for (std::size_t i = 0; i < header.e_phnum; ++i) {
      const auto segment = *support::load<Segment>(table, i * sizeof(Segment));
      if (segment.p_type == PT_LOAD) check_inside(segment.p_offset, segment.p_filesz);
      if (segment.p_type == PT_INTERP) facts.interpreter = interpreter(segment.p_offset, segment.p_filesz);
    }
    return facts;
  }

  void check_inside(std::uint64_t offset, std::uint64_t size) const {
    // The kernel maps what is missing all the same, and the program dies of SIGBUS or SIGSEGV somewhere.
    if (offset > size_ || size_ - offset < size) throw_truncated(path_, size_, offset + size);
  }

  std::string interpreter(std::uint64_t offset, std::uint64_t size) const {
    constexpr std::uint64_t longest_path = 4096;
    if (size > longest_path) {
      throw_explained(ENOEXEC, fmt::format("{}: a damaged ELF file: the name of its loader is too long", path_));
    }
    const auto raw = bytes(offset, static_cast<std::size_t>(size));
    const std::string_view text = support::as_text(raw);
    return std::string(text.substr(0, text.find('\0')));
  }

  const std::string& path_;
  support::Fd file_;
  std::uint64_t size_ = 0;
  /// All that is needed of most programs, in one read.
  std::array<std::byte, 2048> head_;
  std::size_t head_size_ = 0;
};

}  // namespace

std::optional<ElfFacts> read_elf_facts(const std::string& path) { return ElfReader(path).facts(); }

}  // namespace trapline::os
