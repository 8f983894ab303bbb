#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include <trapline/error.hpp>

#include "symbols/debug_info.hpp"
#include "symbols/elf_file.hpp"
#include "symbols/file_cache.hpp"

namespace trapline::symbols {
namespace {

support::Fd open_to_read(const std::string& path) {
  return support::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

support::Fd open_by_build_id(ByteView id) {
  if (id.size() < 2) return support::Fd();
  std::string path = "/usr/lib/debug/.build-id/";
  for (std::size_t i = 0; i < id.size(); ++i) {
    path += fmt::format("{:02x}{}", static_cast<unsigned>(id[i]), i == 0 ? "/" : "");
  }
  return open_to_read(path + ".debug");
}

/// Opens an ELF file; nothing when it is none.
std::optional<ElfFile> elf_of(support::Fd file) {
  if (!file.valid()) return std::nullopt;
  try {
    return ElfFile(std::move(file));
  } catch (const SymbolError&) {
    return std::nullopt;
  }
}

/// What dwz(1) moved out of a file in that directory. It is only that when it has the right build id.
Bytes alternate_of(const DebugImage& image, const std::string& directory) {
  if (image.alternate_path.empty()) return {};
  const bool absolute = image.alternate_path.starts_with('/');
  const std::string path = absolute ? image.alternate_path : directory + "/" + image.alternate_path;
  for (const bool by_path : {true, false}) {
    const auto file = elf_of(by_path ? open_to_read(path) : open_by_build_id(image.alternate_id));
    if (file && file->build_id() == image.alternate_id) return file->debug_image().image;
  }
  return {};
}

std::shared_ptr<const DebugInfo> make(DebugImage image, const std::string& directory) {
  if (image.image.empty()) return nullptr;
  Bytes alternate = alternate_of(image, directory);
  return std::make_shared<const DebugInfo>(std::move(image), std::move(alternate));
}

/// Of an open file; empty when that cannot be told.
std::string directory_of(const support::Fd& file) {
  std::error_code error;
  return std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", file.get()), error).parent_path();
}

std::shared_ptr<const DebugInfo> of_separate_file(ByteView build_id) {
  support::Fd file = open_by_build_id(build_id);
  const std::string directory = directory_of(file);
  const auto elf = elf_of(std::move(file));
  return elf ? make(elf->debug_image(), directory) : nullptr;
}

std::shared_ptr<const DebugInfo> of_elf(const ElfFile& file, const std::string& directory) {
  DebugImage own = file.debug_image();
  if (!own.image.empty()) return make(std::move(own), directory);
  return of_separate_file(file.build_id());
}

std::shared_ptr<const DebugInfo> build(support::Fd file) {
  const std::string directory = directory_of(file);
  const auto elf = elf_of(std::move(file));
  return elf ? of_elf(*elf, directory) : nullptr;
}

}  // namespace

std::shared_ptr<const DebugInfo> debug_info_of_file(const std::string& path) {
  // Never destroyed: threads may still ask while the host's statics go. DWARF is large.
  constexpr std::size_t most = 128;
  static auto* const cache = new FileCache<DebugInfo>(build, most);
  return cache->get(path);
}

std::shared_ptr<const DebugInfo> debug_info_of_image(Bytes image) {
  try {
    return of_elf(ElfFile(std::move(image)), "/");
  } catch (const SymbolError&) {
    return nullptr;
  }
}

}  // namespace trapline::symbols
