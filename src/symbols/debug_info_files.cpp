#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <trapline/error.hpp>

#include "symbols/debug_info.hpp"
#include "symbols/elf_file.hpp"
#include "symbols/file_cache.hpp"
#include "symbols/file_origin.hpp"
#include "symbols/separate_file.hpp"

namespace trapline::symbols {
namespace {

/// What dwz(1) moved out of the file at `path`.
Bytes alternate_of(const DebugImage& image, const std::string& path) {
  if (image.alternate_path.empty()) return {};
  const auto found = common_parts_of(image.alternate_id, image.alternate_path, path);
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

std::shared_ptr<const DebugInfo> build(support::Fd file, const std::string& path) {
  const FileOrigin origin(file, path);
  const auto elf = elf_in(std::move(file));
  return elf ? of_elf(*elf, origin.path()) : nullptr;
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
