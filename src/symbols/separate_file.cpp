#include "symbols/separate_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string_view>
#include <vector>

#include "support/bytes.hpp"

namespace trapline::symbols {
namespace {

constexpr std::string_view debug_directory = "/usr/lib/debug";

/// A path in the view of a process, and what leads there from ours.
struct RootedPath {
  std::string root;
  std::string path;
};

RootedPath split_root(const std::string& path) {
  constexpr std::string_view proc = "/proc/";
  constexpr std::string_view name = "/root";
  if (!path.starts_with(proc)) return {{}, path};
  const std::size_t end = path.find('/', proc.size());
  if (end == std::string::npos || path.compare(end, name.size(), name) != 0) return {{}, path};
  const std::size_t size = end + name.size();
  if (path.size() > size && path[size] != '/') return {{}, path};
  return {path.substr(0, size), path.substr(size)};
}

constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xedb88320U : 0);
    table[i] = value;
  }
  return table;
}();

/// The checksum that .gnu_debuglink keeps of the whole debug file.
std::optional<std::uint32_t> checksum_of(const std::string& path) {
  const support::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return std::nullopt;
  std::vector<unsigned char> buffer(std::size_t{1} << 16);
  std::uint32_t crc = ~0U;
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0) return std::nullopt;
    if (count == 0) return ~crc;
    for (ssize_t i = 0; i < count; ++i) crc = (crc >> 8) ^ crc_table[(crc ^ buffer[static_cast<std::size_t>(i)]) & 255];
  }
}

bool has_build_id(const std::string& path, const Bytes& build_id) {
  const auto elf = open_elf(path);
  return elf && elf->build_id() == build_id;
}

/// A file without build id is known by the checksum alone.
bool is_linked(const std::string& path, const DebugLink& link, const Bytes& build_id) {
  if (!build_id.empty()) return has_build_id(path, build_id);
  return open_elf(path) && checksum_of(path) == link.checksum;
}

std::vector<std::string> roots_of(const RootedPath& file) {
  return file.root.empty() ? std::vector<std::string>{""} : std::vector<std::string>{"", file.root};
}

/// In gdb's order: beside the file, below it, and in the directory of all debug files.
std::vector<std::string> places_of(const DebugLink& link, const RootedPath& file) {
  std::vector<std::string> places;
  std::vector<std::string> folders{file.path.substr(0, file.path.rfind('/') + 1)};
  std::error_code error;
  // /bin may be a link to /usr/bin, and the debug file in either.
  const std::string real = std::filesystem::canonical(file.root + file.path, error).parent_path().string() + '/';
  if (!error && real != folders.front()) folders.push_back(real);
  for (const std::string& root : roots_of(file)) {
    for (const std::string& folder : folders) {
      places.push_back(root + folder + link.name);
      places.push_back(root + folder + ".debug/" + link.name);
      if (!folder.empty() && folder.front() == '/') {
        places.push_back(root + std::string(debug_directory) + folder + link.name);
      }
    }
  }
  return places;
}

bool same_file(const std::string& a, const std::string& b) {
  struct stat one {};
  struct stat other {};
  return ::stat(a.c_str(), &one) == 0 && ::stat(b.c_str(), &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

}  // namespace

std::optional<std::string> file_by_build_id(const Bytes& build_id, const std::string& path) {
  if (build_id.size() < 2) return std::nullopt;
  const std::string digits = support::to_hex(build_id);
  const std::string name =
      std::string(debug_directory) + "/.build-id/" + digits.substr(0, 2) + '/' + digits.substr(2) + ".debug";
  for (const std::string& root : roots_of(split_root(path))) {
    if (has_build_id(root + name, build_id)) return root + name;
  }
  return std::nullopt;
}

std::optional<std::string> debug_file_of(const ElfFile& elf, const std::string& path) {
  const Bytes build_id = elf.build_id();
  if (auto found = file_by_build_id(build_id, path)) return found;
  const auto link = elf.debug_link();
  if (!link) return std::nullopt;
  for (const std::string& place : places_of(*link, split_root(path))) {
    // A file that names itself would be its own debug file.
    if (!same_file(place, path) && is_linked(place, *link, build_id)) return place;
  }
  return std::nullopt;
}

std::optional<ElfFile> common_parts_of(const Bytes& build_id, const std::string& name, const std::string& path) {
  if (const auto known = file_by_build_id(build_id, path)) return open_elf(*known);
  if (name.empty()) return std::nullopt;
  const std::string folder = name.front() == '/' ? std::string() : path.substr(0, path.rfind('/') + 1);
  auto named = open_elf(folder + name);
  if (named && named->build_id() != build_id) named.reset();
  return named;
}

}  // namespace trapline::symbols
