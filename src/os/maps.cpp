#include "os/maps.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>

#include "os/error.hpp"
#include "os/proc_text.hpp"

namespace trapline::os {
namespace {

constexpr std::string_view deleted_mark = " (deleted)";
/// How the kernel writes a line break, the only character that it escapes. It leaves backslashes alone.
constexpr std::string_view escaped_break = "\\012";

std::string path_of(pid_t pid) { return fmt::format("/proc/{}/maps", pid); }

FileText text_of(pid_t pid) {
  const std::string path = path_of(pid);
  FileText text = read_text(open_file(path), path);
  if (text.text.empty()) throw ProcessGone(path + ": it has no memory any more");
  return text;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

Mapping parse_mapping(std::string_view line) {
  Mapping mapping;
  Cursor in(line);
  mapping.start = in.number<Address>(16);
  in.character();
  mapping.end = in.number<Address>(16);
  in.character();
  mapping.readable = in.character() == 'r';
  mapping.writable = in.character() == 'w';
  mapping.executable = in.character() == 'x';
  mapping.shared = in.character() == 's';
  in.character();
  mapping.offset = in.number<std::uint64_t>(16);
  in.character();
  mapping.device_major = in.number<std::uint32_t>(16);
  in.character();
  mapping.device_minor = in.number<std::uint32_t>(16);
  in.character();
  mapping.inode = in.number<std::uint64_t>(10);
  in.skip_blanks();
  std::string_view name = in.rest();
  if (mapping.inode != 0 && name.ends_with(deleted_mark)) {
    mapping.deleted = true;
    name.remove_suffix(deleted_mark.size());
  }
  mapping.name = name;
  replace_all(mapping.name, escaped_break, "\n");
  return mapping;
}

/// Whether the name has a line break in it, or the four characters that look like one in the text. A link of
/// /proc tells (MapsOf.names_with_breaks_and_backslashes).
void settle_breaks(pid_t pid, Mapping& mapping) {
  const std::string link = fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, mapping.start, mapping.end);
  std::string name;
  if (read_link(AT_FDCWD, link, name) <= 0) return;
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
  const support::Fd file = open_file(path_of(pid));
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
  for (Cursor in(text); !in.empty();) maps.push_back(parse_mapping(in.line()));
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
  FileText text = text_of(pid);
  if (changing == Changing::perhaps) {
    // Two equal texts one after the other are a state that the process was in. One that never rests has no such.
    constexpr int tries = 4;
    for (int i = 0; i < tries && !text.in_one_go; ++i) {
      FileText again = text_of(pid);
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
