#include <trapline/maps.hpp>

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <span>

#include <trapline/error.hpp>
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

/// The dynamic loader: `ld-linux-x86-64.so.2`, `ld-2.31.so`, `ld-musl-x86_64.so.1`.
bool is_loader(std::string_view file) {
  return file.starts_with("ld.so") || (file.starts_with("ld-") && file.find(".so") != std::string_view::npos);
}

bool is_anonymous(const MemoryMap& map) { return map.path.empty() || map.path.starts_with("[anon"); }

bool is_bracketed(std::string_view path, std::string_view name) {
  return path.size() == name.size() + 2 && path.front() == '[' && path.back() == ']' &&
         path.substr(1, name.size()) == name;
}

}  // namespace

std::string MemoryMap::permissions() const {
  return {readable ? 'r' : '-', writable ? 'w' : '-', executable ? 'x' : '-', shared ? 's' : 'p'};
}

int MemoryMap::protection() const {
  return (readable ? PROT_READ : 0) | (writable ? PROT_WRITE : 0) | (executable ? PROT_EXEC : 0);
}

bool MemoryMap::permits(std::string_view wanted) const {
  struct Column {
    char letter;
    bool has;
  };
  const std::array<Column, 3> columns = {{{'r', readable}, {'w', writable}, {'x', executable}}};
  bool fits = true;
  std::size_t column = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const char c = wanted[i];
    if ((c == 's' || c == 'p') && i + 1 == wanted.size()) {
      fits = fits && shared == (c == 's');
      break;
    }
    if (c == '-' && column < columns.size()) {
      fits = !columns[column++].has && fits;
      continue;
    }
    while (column < columns.size() && columns[column].letter != c) ++column;
    if (column == columns.size()) {
      throw UsageError(
          fmt::format("\"{}\" are no permissions: give letters of \"rwx\" in that order, with '-' in the "
                      "place of what must not be, and perhaps 's' or 'p' at the end",
                      wanted));
    }
    fits = columns[column++].has && fits;
  }
  return fits;
}

MemoryMaps::MemoryMaps(std::vector<MemoryMap> maps, std::string binary)
    : maps_(std::make_shared<const std::vector<MemoryMap>>(std::move(maps))), binary_(std::move(binary)) {}

MemoryMaps MemoryMaps::filter(std::string_view name) const {
  // From the narrowest meaning to the widest; the first that fits anything is what the user meant.
  using Rule = std::function<bool(const MemoryMap&)>;
  const std::array<Rule, 4> rules = {
      [&](const MemoryMap& map) {
        return (name == "binary" && map.path == binary_) || (name == "anon" && is_anonymous(map)) ||
               ((name == "loader" || name == "ld") && is_loader(file_name(map.path)));
      },
      [&](const MemoryMap& map) { return map.path == name || is_bracketed(map.path, name); },
      [&](const MemoryMap& map) { return file_name(map.path) == name || is_library(file_name(map.path), name); },
      [&](const MemoryMap& map) { return map.path.find(name) != std::string::npos; },
  };
  // These mean one thing only: part of some path they are by accident.
  constexpr std::array<std::string_view, 9> fixed_names = {"binary", "libc", "loader", "ld",  "stack",
                                                           "heap",   "vdso", "vvar",   "anon"};
  const bool fixed = std::ranges::find(fixed_names, name) != fixed_names.end();
  for (const Rule& rule : std::span(rules).first(fixed ? 3 : 4)) {
    std::vector<MemoryMap> found;
    std::ranges::copy_if(*maps_, std::back_inserter(found), rule);
    if (!found.empty()) return {std::move(found), binary_};
  }
  return {{}, binary_};
}

MemoryMaps MemoryMaps::filter(Address address) const {
  const MemoryMap* map = at(address);
  return {map != nullptr ? std::vector{*map} : std::vector<MemoryMap>{}, binary_};
}

MemoryMaps MemoryMaps::with_permissions(std::string_view wanted) const {
  // A text that makes no sense is told also where nothing could have it.
  static_cast<void>(MemoryMap{}.permits(wanted));
  std::vector<MemoryMap> found;
  std::ranges::copy_if(*maps_, std::back_inserter(found), [&](const MemoryMap& map) { return map.permits(wanted); });
  return {std::move(found), binary_};
}

const MemoryMap* MemoryMaps::at(Address address) const {
  const auto above = std::ranges::upper_bound(*maps_, address, {}, &MemoryMap::start);
  if (above == maps_->begin()) return nullptr;
  const MemoryMap& map = *std::prev(above);
  return map.contains(address) ? &map : nullptr;
}

MemoryMaps Process::maps() const { return core::memory_maps(*process_); }

std::optional<MemoryMap> Process::map_at(Address address) const { return core::map_at(*process_, address); }

}  // namespace trapline
