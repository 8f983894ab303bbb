#include "core/modules.hpp"

#include <unistd.h>

#include <algorithm>
#include <tuple>

namespace trapline::core {
namespace {

using symbols::Segment;

Address page_down(Address address) {
  static const auto page = static_cast<Address>(::sysconf(_SC_PAGESIZE));
  return address & ~(page - 1);
}

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

Address text_of(const Modules::File& file) {
  const auto text = std::ranges::find_if(file.maps, &MemoryMap::executable);
  return text != file.maps.end() ? text->start : file.maps.front().start;
}

/// The kernel maps the program and its loader, and the loader the libraries, each below the one before it. So
/// descending addresses are the order of loading, but for the loader itself: it looks symbols up in itself last.
void order(std::vector<Modules::File>& files) {
  const auto rank = [](const Modules::File& file) {
    const bool is_loader = file_name(file.path).starts_with("ld-") || file_name(file.path).starts_with("ld.so");
    return std::tuple(file.kind, is_loader, ~text_of(file));
  };
  std::ranges::sort(files, {}, rank);
}

}  // namespace

Modules::Modules(MemoryMaps maps, Loader loader, DebugLoader debug_loader, SymbolOptions options)
    : maps_(std::move(maps)),
      loader_(std::move(loader)),
      debug_loader_(std::move(debug_loader)),
      options_(std::move(options)) {
  const MemoryMaps program = maps_.filter("binary");
  for (const MemoryMap& map : maps_) {
    const bool vdso = map.path == "[vdso]";
    if (!vdso && (map.inode == 0 || map.path.empty())) continue;
    // A file that was replaced has the path of its successor.
    const auto same = [&](const File& file) { return file.path == map.path && file.maps.front().inode == map.inode; };
    auto file = std::ranges::find_if(files_, same);
    if (file == files_.end()) {
      const bool is_program = !program.empty() && program.front().path == map.path;
      files_.push_back({map.path, vdso ? Kind::vdso : is_program ? Kind::program : Kind::library, {}});
      file = std::prev(files_.end());
    }
    file->maps.push_back(map);
  }
  std::erase_if(files_, [](const File& file) {
    return file.kind == Kind::library && std::ranges::none_of(file.maps, &MemoryMap::executable);
  });
  order(files_);
}

std::vector<Module> Modules::load(const File& file) const {
  std::vector<Module> modules;
  const auto table = loader_(file.maps.front(), file.kind == Kind::program);
  if (!table || table->segments().empty()) return modules;
  const Segment& first = table->segments().front();
  Address end = 0;
  for (const Segment& segment : table->segments()) end = std::max(end, segment.address + segment.memory_size);
  for (const MemoryMap& map : file.maps) {
    if (!modules.empty() && map.start < modules.back().end) continue;
    if (map.offset != page_down(first.offset)) continue;
    const Address bias = map.start - page_down(first.address);
    const Module module{file.path, bias, map.start, end + bias, table, map, options_};
    // Somebody may also have mapped the file to look at it.
    const bool loaded = std::ranges::any_of(file.maps, [&](const MemoryMap& other) {
      return other.executable && other.start >= module.start && other.start < module.end;
    });
    if (loaded) modules.push_back(module);
  }
  return modules;
}

std::optional<Module> Modules::at(Address address) const {
  // .bss reaches past the mappings of the file, so the nearest file below is asked.
  const File* nearest = nullptr;
  Address start = 0;
  for (const File& file : files_) {
    for (const MemoryMap& map : file.maps) {
      if (map.start > address || (nearest != nullptr && map.start < start)) continue;
      nearest = &file;
      start = map.start;
    }
  }
  if (nearest == nullptr) return std::nullopt;
  for (const Module& module : load(*nearest)) {
    if (address >= module.start && address < module.end) return module;
  }
  return std::nullopt;
}

}  // namespace trapline::core
