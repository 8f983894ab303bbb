#include "os/maps.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>

#include "os/error.hpp"
#include "support/fd.hpp"

namespace trapline::os {
namespace {

constexpr std::string_view deleted_mark = " (deleted)";
/// How the kernel writes a line break, the only character that it escapes. It leaves backslashes alone.
constexpr std::string_view escaped_break = "\\012";

[[noreturn]] void throw_unreadable(int error, const std::string& path) {
  if (error == ENOENT || error == ESRCH) throw ProcessGone(path + ": the process is gone");
  throw_os_error(error, path, 0,
                 error == EACCES || error == EPERM ? "it belongs to another user or has gained privileges" : "");
}

support::Fd open_maps(pid_t pid, std::string& path) {
  path = fmt::format("/proc/{}/maps", pid);
  support::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) throw_unreadable(errno, path);
  return file;
}

struct Text {
  std::string text;
  /// The kernel gives about a page at a time, and lets the process run in between.
  bool in_one_go = true;
};

Text read_text(pid_t pid) {
  std::string path;
  const support::Fd file = open_maps(pid, path);
  Text result;
  std::string& text = result.text;
  std::size_t size = 0;
  unsigned reads = 0;
  for (;;) {
    if (text.size() - size < 4096) text.resize(text.empty() ? 16384 : text.size() * 2);
    const ssize_t count = ::read(file.get(), text.data() + size, text.size() - size);
    if (count == -1 && errno == EINTR) continue;
    if (count == -1) throw_unreadable(errno, path);
    if (count == 0) break;
    result.in_one_go = ++reads == 1;
    size += static_cast<std::size_t>(count);
  }
  if (size == 0) throw ProcessGone(path + ": it has no memory any more");
  text.resize(size);
  return result;
}

template <class T>
T take_number(std::string_view& text, int base) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

char take(std::string_view& text) {
  if (text.empty()) return '\0';
  const char first = text.front();
  text.remove_prefix(1);
  return first;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

Mapping parse_mapping(std::string_view line) {
  Mapping mapping;
  mapping.start = take_number<Address>(line, 16);
  take(line);
  mapping.end = take_number<Address>(line, 16);
  take(line);
  mapping.readable = take(line) == 'r';
  mapping.writable = take(line) == 'w';
  mapping.executable = take(line) == 'x';
  mapping.shared = take(line) == 's';
  take(line);
  mapping.offset = take_number<std::uint64_t>(line, 16);
  take(line);
  mapping.device_major = take_number<std::uint32_t>(line, 16);
  take(line);
  mapping.device_minor = take_number<std::uint32_t>(line, 16);
  take(line);
  mapping.inode = take_number<std::uint64_t>(line, 10);
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  if (mapping.inode != 0 && line.ends_with(deleted_mark)) {
    mapping.deleted = true;
    line.remove_suffix(deleted_mark.size());
  }
  mapping.name = line;
  replace_all(mapping.name, escaped_break, "\n");
  return mapping;
}

/// Whether the name has a line break in it, or the four characters that look like one in the text. A link of
/// /proc tells (MapsOf.names_with_breaks_and_backslashes).
void settle_breaks(pid_t pid, Mapping& mapping) {
  const std::string link = fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, mapping.start, mapping.end);
  std::array<char, 4096> target;
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  if (length <= 0) return;
  std::string name(target.data(), static_cast<std::size_t>(length));
  if (mapping.deleted && name.ends_with(deleted_mark)) name.resize(name.size() - deleted_mark.size());
  // Another file may have been mapped there meanwhile.
  std::string as_in_text = name;
  replace_all(as_in_text, escaped_break, "\n");
  if (as_in_text == mapping.name) mapping.name = std::move(name);
}

void settle_names(pid_t pid, std::vector<Mapping>& maps) {
  for (Mapping& mapping : maps) {
    if (mapping.name.find('\n') != std::string::npos) settle_breaks(pid, mapping);
    if (!mapping.deleted) continue;
    FileName file = without_deleted_mark(pid, mapping.name + std::string(deleted_mark), mapping.inode);
    mapping.name = std::move(file.name);
    mapping.deleted = file.deleted;
  }
}

/// linux/fs.h of Linux 6.11.
struct ProcmapQuery {
  std::uint64_t size = sizeof(ProcmapQuery);
  std::uint64_t query_flags = 0;
  std::uint64_t query_address = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t flags = 0;
  std::uint64_t page_size = 0;
  std::uint64_t offset = 0;
  std::uint64_t inode = 0;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::uint32_t name_size = 0;
  std::uint32_t build_id_size = 0;
  std::uint64_t name_address = 0;
  std::uint64_t build_id_address = 0;
};
static_assert(sizeof(ProcmapQuery) == 104);
constexpr unsigned long procmap_query = _IOWR('f', 17, ProcmapQuery);
constexpr std::uint64_t is_readable = 1;
constexpr std::uint64_t is_writable = 2;
constexpr std::uint64_t is_executable = 4;
constexpr std::uint64_t is_shared = 8;

/// Whether the kernel knows the request; asked until it says no.
std::atomic<bool> has_query{true};

struct Answer {
  bool known = false;
  std::optional<Mapping> mapping{};
};

Answer ask(pid_t pid, Address address) {
  std::string path;
  const support::Fd file = open_maps(pid, path);
  std::array<char, 4096> name;
  ProcmapQuery query{.query_address = address,
                     .name_size = static_cast<std::uint32_t>(name.size()),
                     .name_address = reinterpret_cast<std::uint64_t>(name.data())};
  if (::ioctl(file.get(), procmap_query, &query) == -1) {
    if (errno == ENOTTY) has_query = false;
    // ESRCH: an exited leader has no memory, but its process may. Whoever reads the text sees that.
    return {.known = errno == ENOENT};
  }
  Mapping mapping{.start = query.start,
                  .end = query.end,
                  .offset = query.offset,
                  .inode = query.inode,
                  .device_major = query.device_major,
                  .device_minor = query.device_minor,
                  .readable = (query.flags & is_readable) != 0,
                  .writable = (query.flags & is_writable) != 0,
                  .executable = (query.flags & is_executable) != 0,
                  .shared = (query.flags & is_shared) != 0,
                  .name = query.name_size > 0 ? std::string(name.data(), query.name_size - 1) : std::string()};
  if (mapping.inode != 0) {
    FileName found = without_deleted_mark(pid, std::move(mapping.name), mapping.inode);
    mapping.name = std::move(found.name);
    mapping.deleted = found.deleted;
  }
  return {.known = true, .mapping = std::move(mapping)};
}

}  // namespace

std::vector<Mapping> parse_maps(std::string_view text) {
  std::vector<Mapping> maps;
  maps.reserve(static_cast<std::size_t>(std::ranges::count(text, '\n')));
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    maps.push_back(parse_mapping(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return maps;
}

void make_disjoint(std::vector<Mapping>& maps) {
  Address end = 0;
  for (Mapping& mapping : maps) {
    if (mapping.start < end) {
      // The mapping was merged with one before it, between two reads: the first part is in the list already.
      const Address start = std::min(end, mapping.end);
      if (mapping.inode != 0) mapping.offset += start - mapping.start;
      mapping.start = start;
    }
    end = std::max(end, mapping.end);
  }
  std::erase_if(maps, [](const Mapping& mapping) { return mapping.start >= mapping.end; });
}

std::vector<Mapping> read_maps(pid_t pid, Changing changing) {
  Text text = read_text(pid);
  if (changing == Changing::perhaps) {
    // Two equal texts one after the other are a state that the process was in. One that never rests has no such.
    constexpr int tries = 4;
    for (int i = 0; i < tries && !text.in_one_go; ++i) {
      Text again = read_text(pid);
      if (again.text == text.text) break;
      text = std::move(again);
    }
  }
  std::vector<Mapping> maps = parse_maps(text.text);
  make_disjoint(maps);
  settle_names(pid, maps);
  return maps;
}

std::optional<Mapping> mapping_at(pid_t pid, Address address, MapQuery how) {
  if (how == MapQuery::fastest && has_query) {
    if (Answer answer = ask(pid, address); answer.known) return std::move(answer.mapping);
  }
  for (Mapping& mapping : read_maps(pid, Changing::no)) {
    if (mapping.contains(address)) return std::move(mapping);
  }
  return std::nullopt;
}

FileName without_deleted_mark(pid_t pid, std::string name, std::uint64_t inode) {
  if (!name.ends_with(deleted_mark)) return {.name = std::move(name)};
  struct stat status {};
  // These have no place in the file system, and a runtime that compiles its code may have thousands of them.
  const bool nowhere = name.starts_with("/memfd:");
  const std::string path = fmt::format("/proc/{}/root{}", pid, name);
  if (!nowhere && ::stat(path.c_str(), &status) == 0 && status.st_ino == inode) return {.name = std::move(name)};
  name.resize(name.size() - deleted_mark.size());
  return {.name = std::move(name), .deleted = true};
}

}  // namespace trapline::os
