#include "core/process_maps.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cstring>

#include <trapline/error.hpp>

#include "core/process.hpp"
#include "os/maps.hpp"
#include "os/pagemap.hpp"
#include "os/proc.hpp"
#include "symbols/debug_info.hpp"
#include "symbols/debuginfod.hpp"

namespace trapline::core {
namespace {

/// Asks the leader or, since one that exited before its threads has no memory any more, the others.
template <class Look>
auto look_at_any_thread(const Process& process, Look look) {
  try {
    return look(process.pid());
  } catch (const ProcessGone&) {
    for (const pid_t tid : os::list_threads(process.pid())) {
      try {
        return look(tid);
      } catch (const ProcessGone&) {
      }
    }
  }
  throw ProcessGone(fmt::format("process {} is dead and has no memory any more", process.pid()));
}

void require_memory(const Process& process) {
  if (process.pid() == 0) throw UsageError("there is no process yet: call run() or attach() first");
  if (!process.gone()) return;
  const char* why = process.dead() ? "is dead and has no memory any more" : "was detached";
  throw ProcessGone(fmt::format("process {} {}", process.pid(), why));
}

/// The executable as the maps name it.
std::string executable_of(const Process& process) {
  struct stat status {};
  const bool known = ::stat(fmt::format("/proc/{}/exe", process.pid()).c_str(), &status) == 0;
  return os::without_deleted_mark(process.pid(), process.executable(), known ? status.st_ino : 0).name;
}

MemoryMap as_memory_map(os::Mapping&& from) {
  return {.start = from.start,
          .end = from.end,
          .readable = from.readable,
          .writable = from.writable,
          .executable = from.executable,
          .shared = from.shared,
          .offset = from.offset,
          .inode = from.inode,
          .path = std::move(from.name),
          .deleted = from.deleted};
}

MemoryMaps read_memory_maps(const Process& process, os::Changing changing) {
  auto read = look_at_any_thread(process, [&](pid_t tid) { return os::read_maps(tid, changing); });
  std::vector<MemoryMap> maps;
  maps.reserve(read.size());
  for (os::Mapping& mapping : read) maps.push_back(as_memory_map(std::move(mapping)));
  return {std::move(maps), executable_of(process)};
}

bool begins_as_elf(Process& process, const MemoryMap& map) {
  std::array<std::byte, 4> magic{};
  return process.memory().read(map.start, magic) == magic.size() && std::memcmp(magic.data(), "\177ELF", 4) == 0;
}

/// What the mappings of an ELF file hold of it, at their places in the file: the headers, code and call frames, seldom
/// more.
Bytes image_in_memory(Process& process, const MemoryMap& of) {
  // Code that a program loads is near the start of its file; more is data that it has mapped.
  constexpr std::uint64_t most = std::uint64_t{256} << 20;
  Bytes image;
  for (const MemoryMap& map : memory_maps(process)) {
    if (map.path != of.path || map.inode != of.inode || !map.readable) continue;
    // Compilers in runtimes have much code in deleted files, which are none.
    if (image.empty() && (map.offset != 0 || !begins_as_elf(process, map))) return {};
    if (map.offset > most || map.size() > most - map.offset) continue;
    if (image.size() < map.offset + map.size()) image.resize(map.offset + map.size());
    static_cast<void>(process.memory().read(map.start, std::span(image).subspan(map.offset, map.size())));
  }
  return image;
}

/// What is known of a mapped file, found in whatever way leads to the very file that the process has.
template <class T>
std::shared_ptr<const T> load(Process& process, const MemoryMap& map, bool program,
                              std::shared_ptr<const T> (*from_file)(const std::string&),
                              std::shared_ptr<const T> (*from_image)(Bytes)) {
  if (map.path == "[vdso]") {
    Bytes image(map.size());
    image.resize(process.memory().read(map.start, image));
    return from_image(std::move(image));
  }
  // Neither of the first two minds that the file was deleted or replaced, or that the process has another root; but the
  // second is for the privileged only.
  const std::string proc = fmt::format("/proc/{}", process.pid());
  if (program) {
    if (auto found = from_file(proc + "/exe")) return found;
  }
  if (auto found = from_file(fmt::format("{}/map_files/{:x}-{:x}", proc, map.start, map.end))) return found;
  // Who has replaced a library has put another one there
  // (OddFiles.that_are_replaced_while_somebody_without_privileges_looks).
  if (map.deleted) {
    Bytes image = image_in_memory(process, map);
    return image.empty() ? nullptr : from_image(std::move(image));
  }
  return from_file(proc + "/root" + map.path);
}

std::shared_ptr<const symbols::SymbolTable> load_table(Process& process, const MemoryMap& map, bool program) {
  return load(process, map, program, symbols::table_of_file, symbols::table_of_image);
}

}  // namespace

MemoryMaps memory_maps(const Process& process) {
  require_memory(process);
  const auto epoch = process.quiet_epoch();
  if (!epoch) return read_memory_maps(process, os::Changing::perhaps);
  const MapsCache::Key key{process.pid(), *epoch};
  if (auto known = process.maps_cache().find(key)) return *std::move(known);
  MemoryMaps maps = read_memory_maps(process, os::Changing::no);
  // Unless somebody let it run meanwhile.
  if (process.quiet_epoch() == epoch) process.maps_cache().keep(key, maps);
  return maps;
}

std::optional<MemoryMap> map_at(const Process& process, Address address) {
  require_memory(process);
  if (const auto epoch = process.quiet_epoch()) {
    if (const auto known = process.maps_cache().find({process.pid(), *epoch})) {
      const MemoryMap* map = known->at(address);
      return map != nullptr ? std::optional(*map) : std::nullopt;
    }
  }
  auto mapping = look_at_any_thread(process, [&](pid_t tid) { return os::mapping_at(tid, address); });
  if (!mapping) return std::nullopt;
  return as_memory_map(*std::move(mapping));
}

std::optional<std::vector<Range>> touched_ranges(const Process& process, const Range& range) {
  const auto pages = os::touched_pages(process.pid(), {range.start, range.end});
  if (!pages) return std::nullopt;
  std::vector<Range> ranges;
  ranges.reserve(pages->size());
  for (const os::Pages& each : *pages) ranges.push_back({each.start, each.end});
  return ranges;
}

Modules modules_of(Process& process) {
  return {memory_maps(process),
          [&process](const MemoryMap& map, bool program) { return load_table(process, map, program); },
          [&process](const Module& module) { return load_debug_info(process, module); },
          process.symbol_settings().get()};
}

std::shared_ptr<const symbols::DebugInfo> load_debug_info(Process& process, const Module& module) {
  const bool program = module.path == executable_of(process);
  auto found = load(process, module.map, program, symbols::debug_info_of_file, symbols::debug_info_of_image);
  const SymbolOptions options = process.symbol_settings().get();
  if (found || options.level != SymbolLevel::debuginfod) return found;
  const auto id = load(process, module.map, program, symbols::build_id_of_file, symbols::build_id_of_image);
  const auto path = id ? symbols::download_debug_file(*id, options) : std::nullopt;
  return path ? symbols::debug_info_of_file(*path) : nullptr;
}

std::shared_ptr<const symbols::CallFrames> load_call_frames(Process& process, const Module& module) {
  const bool program = module.path == executable_of(process);
  return load(process, module.map, program, symbols::call_frames_of_file, symbols::call_frames_of_image);
}

std::shared_ptr<const ElfFacts> load_elf_facts(Process& process, const Module& module) {
  const bool program = module.path == executable_of(process);
  return load(process, module.map, program, symbols::facts_of_file, symbols::facts_of_image);
}

}  // namespace trapline::core
