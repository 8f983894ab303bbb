#include <trapline/maps.hpp>

#include <algorithm>
#include <array>
#include <functional>

#include <trapline/process.hpp>

#include "core/process_maps.hpp"

namespace trapline {
namespace {

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool digit(char c) { return c >= '0' && c <= '9'; }

/// Whether a file is the library that users call by the part of its name before the version: "libc" is `libc.so.6` and
/// `libc-2.31.so`, but neither `libcrypto.so.3` nor `libc-client.so`.
bool is_library(std::string_view file, std::string_view name) {
  // musl's loader is its libc.
  if (name == "libc" && file.starts_with("ld-musl-")) return true;
  if (!file.starts_with(name)) return false;
  const std::string_view rest = file.substr(name.size());
  if (rest.starts_with(".so")) return rest.size() == 3 || rest[3] == '.';
  return rest.size() > 1 && rest[0] == '-' && digit(rest[1]);
}

bool is_bracketed(std::string_view path, std::string_view name) {
  return path.size() == name.size() + 2 && path.front() == '[' && path.back() == ']' &&
         path.substr(1, name.size()) == name;
}

}  // namespace

std::string MemoryMap::permissions() const {
  return {readable ? 'r' : '-', writable ? 'w' : '-', executable ? 'x' : '-', shared ? 's' : 'p'};
}

MemoryMaps::MemoryMaps(std::vector<MemoryMap> maps, std::string binary)
    : maps_(std::move(maps)), binary_(std::move(binary)) {}

MemoryMaps MemoryMaps::filter(std::string_view name) const {
  // From the narrowest meaning to the widest; the first that fits anything is what the user meant.
  using Rule = std::function<bool(const MemoryMap&)>;
  const std::array<Rule, 4> rules = {
      [&](const MemoryMap& map) { return name == "binary" && map.path == binary_; },
      [&](const MemoryMap& map) { return map.path == name || is_bracketed(map.path, name); },
      [&](const MemoryMap& map) { return file_name(map.path) == name || is_library(file_name(map.path), name); },
      [&](const MemoryMap& map) { return map.path.find(name) != std::string::npos; },
  };
  // These mean one thing only: part of some path they are by accident.
  const bool fixed =
      name == "binary" || name == "libc" || name == "stack" || name == "heap" || name == "vdso" || name == "vvar";
  for (const Rule& rule : std::span(rules).first(fixed ? 3 : 4)) {
    std::vector<MemoryMap> found;
    std::ranges::copy_if(maps_, std::back_inserter(found), rule);
    if (!found.empty()) return {std::move(found), binary_};
  }
  return {{}, binary_};
}

MemoryMaps MemoryMaps::filter(Address address) const {
  const MemoryMap* map = at(address);
  return {map != nullptr ? std::vector{*map} : std::vector<MemoryMap>{}, binary_};
}

const MemoryMap* MemoryMaps::at(Address address) const {
  const auto above = std::ranges::upper_bound(maps_, address, {}, &MemoryMap::start);
  if (above == maps_.begin()) return nullptr;
  const MemoryMap& map = *std::prev(above);
  return map.contains(address) ? &map : nullptr;
}

MemoryMaps Process::maps() const { return core::memory_maps(*process_); }

}  // namespace trapline
