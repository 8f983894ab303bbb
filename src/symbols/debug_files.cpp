#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <trapline/error.hpp>

#include "symbols/debug_info.hpp"
#include "symbols/elf_file.hpp"
#include "symbols/file_cache.hpp"

namespace trapline::symbols {
namespace {

support::Fd open_by_build_id(ByteView id) {
  if (id.size() < 2) return support::Fd();
  std::string path = "/usr/lib/debug/.build-id/";
  for (std::size_t i = 0; i < id.size(); ++i) {
    path += fmt::format("{:02x}{}", static_cast<unsigned>(id[i]), i == 0 ? "/" : "");
  }
  return support::Fd(::open((path + ".debug").c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

DebugImage image_of(support::Fd file) {
  if (!file.valid()) return {};
  try {
    return ElfFile(std::move(file)).debug_image();
  } catch (const SymbolError&) {
    return {};
  }
}

std::shared_ptr<const DebugInfo> make(DebugImage image) {
  if (image.image.empty()) return nullptr;
  Bytes alternate = image_of(open_by_build_id(image.alternate_id)).image;
  return std::make_shared<const DebugInfo>(std::move(image), std::move(alternate));
}

std::shared_ptr<const DebugInfo> of_elf(const ElfFile& file) {
  DebugImage own = file.debug_image();
  if (!own.image.empty()) return make(std::move(own));
  return make(image_of(open_by_build_id(file.build_id())));
}

template <class Source>
std::shared_ptr<const DebugInfo> build(Source source) {
  try {
    return of_elf(ElfFile(std::move(source)));
  } catch (const SymbolError&) {
    return nullptr;
  }
}

}  // namespace

std::shared_ptr<const DebugInfo> debug_info_of_file(const std::string& path) {
  // Never destroyed: threads may still ask while the host's statics go.
  static auto* const cache = new FileCache<DebugInfo>(build<support::Fd>);
  return cache->get(path);
}

std::shared_ptr<const DebugInfo> debug_info_of_image(Bytes image) { return build(std::move(image)); }

}  // namespace trapline::symbols
