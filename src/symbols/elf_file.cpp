#include "symbols/elf_file.hpp"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include <trapline/error.hpp>

#include "symbols/elf_facts.hpp"
#include "symbols/frame_image.hpp"

namespace trapline::symbols {
namespace {

/// libelf knows no file format before it was asked for its version.
void prepare_libelf() {
  static const unsigned version = ::elf_version(EV_CURRENT);
  if (version == EV_NONE) throw SymbolError("libelf is older than its header");
}

[[noreturn]] void throw_elf_error() {
  const char* message = ::elf_errmsg(-1);
  throw SymbolError(std::string("not an ELF file: ") + (message != nullptr ? message : "unknown error"));
}

void check_kind(Elf* elf) {
  if (elf == nullptr) throw_elf_error();
  if (::elf_kind(elf) != ELF_K_ELF) throw SymbolError("not an ELF file");
}

}  // namespace

void ElfFile::End::operator()(Elf* elf) const { ::elf_end(elf); }

ElfFile::ElfFile(support::Fd file) : file_(std::move(file)) {
  prepare_libelf();
  struct stat status {};
  if (::fstat(file_.get(), &status) == 0) size_ = static_cast<std::uint64_t>(status.st_size);
  elf_.reset(::elf_begin(file_.get(), ELF_C_READ, nullptr));
  check_kind(elf_.get());
}

ElfFile::ElfFile(Bytes image) : image_(std::move(image)), size_(image_.size()) {
  prepare_libelf();
  elf_.reset(::elf_memory(reinterpret_cast<char*>(image_.data()), image_.size()));
  check_kind(elf_.get());
}

std::vector<Segment> ElfFile::segments() const {
  std::vector<Segment> segments;
  std::size_t count = 0;
  if (::elf_getphdrnum(elf_.get(), &count) != 0) throw_elf_error();
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (::gelf_getphdr(elf_.get(), static_cast<int>(i), &header) == nullptr) throw_elf_error();
    if (header.p_type == PT_LOAD) segments.push_back({header.p_offset, header.p_vaddr, header.p_memsz});
  }
  return segments;
}

Bytes ElfFile::build_id() const {
  const void* bytes = nullptr;
  const ssize_t size = ::dwelf_elf_gnu_build_id(elf_.get(), &bytes);
  if (size <= 0) return {};
  const auto* begin = static_cast<const std::byte*>(bytes);
  return {begin, begin + size};
}

std::optional<DebugLink> ElfFile::debug_link() const {
  GElf_Word checksum = 0;
  const char* name = ::dwelf_elf_gnu_debuglink(elf_.get(), &checksum);
  // A path in it would lead to wherever the maker of the file wants.
  if (name == nullptr || *name == '\0' || std::strchr(name, '/') != nullptr) return std::nullopt;
  return DebugLink{name, checksum};
}

std::vector<Section> ElfFile::sections() const {
  std::vector<Section> sections(1);
  std::size_t names = 0;
  const bool named = ::elf_getshdrstrndx(elf_.get(), &names) == 0;
  for (Elf_Scn* scn = nullptr; (scn = ::elf_nextscn(elf_.get(), scn)) != nullptr;) {
    GElf_Shdr header;
    if (::gelf_getshdr(scn, &header) == nullptr) throw_elf_error();
    const char* name = named ? ::elf_strptr(elf_.get(), names, header.sh_name) : nullptr;
    sections.push_back({.name = name != nullptr ? name : "",
                        .type = header.sh_type,
                        .flags = header.sh_flags,
                        .address = header.sh_addr,
                        .offset = header.sh_offset,
                        .size = header.sh_size,
                        .link = header.sh_link,
                        .entry_size = header.sh_entsize,
                        .bits = header.sh_type != SHT_NOBITS});
  }
  return sections;
}

Content ElfFile::content(const Section& section) const {
  if (!section.bits || section.offset >= size_) return Content(0);
  // No table is so large, but a file with holes may say so.
  constexpr std::uint64_t most = std::uint64_t{1} << 31;
  const std::uint64_t size = std::min(section.size, size_ - section.offset);
  if (size > most) return Content(0);
  Content content(size);
  if (!file_.valid()) {
    std::memcpy(content.data(), &image_[section.offset], content.size());
    return content;
  }
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t count =
        ::pread(file_.get(), content.data() + done, content.size() - done, static_cast<off_t>(section.offset + done));
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  content.shrink(done);
  return content;
}

unsigned ElfFile::machine() const {
  GElf_Ehdr header;
  return ::gelf_getehdr(elf_.get(), &header) != nullptr ? header.e_machine : EM_NONE;
}

bool ElfFile::is_64_bit() const { return ::gelf_getclass(elf_.get()) == ELFCLASS64; }

bool ElfFile::is_little_endian() const {
  const char* ident = ::elf_getident(elf_.get(), nullptr);
  return ident != nullptr && ident[EI_DATA] == ELFDATA2LSB;
}

ElfFacts ElfFile::facts() const { return elf_facts(elf_.get()); }

Bytes ElfFile::frame_image() const { return symbols::frame_image(elf_.get()); }

DebugImage ElfFile::debug_image() const { return symbols::debug_image(elf_.get()); }

std::optional<ElfFile> elf_in(support::Fd file) {
  if (!file.valid()) return std::nullopt;
  try {
    return ElfFile(std::move(file));
  } catch (const SymbolError&) {
    return std::nullopt;
  }
}

std::optional<ElfFile> open_elf(const std::string& path) {
  // A pipe must not hold its opener.
  support::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status) == -1 || !S_ISREG(status.st_mode)) return std::nullopt;
  return elf_in(std::move(file));
}

std::shared_ptr<const Bytes> build_id_of_file(const std::string& path) {
  const auto elf = open_elf(path);
  Bytes id = elf ? elf->build_id() : Bytes{};
  return id.empty() ? nullptr : std::make_shared<const Bytes>(std::move(id));
}

std::shared_ptr<const Bytes> build_id_of_image(Bytes image) {
  try {
    Bytes id = ElfFile(std::move(image)).build_id();
    return id.empty() ? nullptr : std::make_shared<const Bytes>(std::move(id));
  } catch (const SymbolError&) {
    return nullptr;
  }
}

}  // namespace trapline::symbols
