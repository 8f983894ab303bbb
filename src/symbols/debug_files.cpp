#include <fcntl.h>
#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include <trapline/error.hpp>

#include "symbols/debug_file.hpp"
#include "symbols/debug_info.hpp"
#include "symbols/elf_file.hpp"
#include "symbols/file_cache.hpp"

namespace trapline::symbols {
namespace {

/// Opens an ELF file; nothing when it is none.
std::optional<ElfFile> elf_of(support::Fd file) {
  if (!file.valid()) return std::nullopt;
  try {
    return ElfFile(std::move(file));
  } catch (const SymbolError&) {
    return std::nullopt;
  }
}

std::optional<ElfFile> open_elf(const std::string& path) {
  return elf_of(support::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)));
}

/// What dwz(1) moved out of the file at `path`. It is only that when it has the right build id.
Bytes alternate_of(const DebugImage& image, const std::string& path) {
  if (image.alternate_path.empty()) return {};
  const bool absolute = image.alternate_path.starts_with('/');
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  const auto named = open_elf(absolute ? image.alternate_path : folder + image.alternate_path);
  if (named && named->build_id() == image.alternate_id) return named->debug_image().image;
  const auto known = file_by_build_id(image.alternate_id, path);
  const auto found = known ? open_elf(*known) : std::nullopt;
  return found ? found->debug_image().image : Bytes{};
}

std::shared_ptr<const DebugInfo> make(DebugImage image, const std::string& path) {
  if (image.image.empty()) return nullptr;
  Bytes alternate = alternate_of(image, path);
  return std::make_shared<const DebugInfo>(std::move(image), std::move(alternate));
}

std::shared_ptr<const DebugInfo> of_elf(const ElfFile& file, const std::string& path) {
  DebugImage own = file.debug_image();
  if (!own.image.empty()) return make(std::move(own), path);
  const auto separate = debug_file_of(file, path);
  const auto elf = separate ? open_elf(*separate) : std::nullopt;
  return elf ? make(elf->debug_image(), *separate) : nullptr;
}

/// Near which other files may be that belong to it: its path, in the view of the process that it was opened for.
std::string place_of(const support::Fd& file, const std::string& path) {
  std::error_code error;
  const std::string real = std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", file.get()), error);
  constexpr std::string_view proc = "/proc/";
  if (!path.starts_with(proc)) return real;
  return path.substr(0, path.find('/', proc.size())) + "/root" + real;
}

std::shared_ptr<const DebugInfo> build(support::Fd file, const std::string& path) {
  const std::string place = place_of(file, path);
  const auto elf = elf_of(std::move(file));
  return elf ? of_elf(*elf, place) : nullptr;
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
