#include "core/process_maps.hpp"

#include <fmt/format.h>

#include <trapline/error.hpp>

#include "core/process.hpp"
#include "os/proc.hpp"

namespace trapline::core {
namespace {

std::vector<os::Mapping> read_maps_of_any_thread(const Process& process) {
  std::vector<os::Mapping> maps = os::read_maps(process.pid());
  if (!maps.empty()) return maps;
  // A leader that exited before its threads has no memory any more, but they do.
  for (const pid_t tid : os::list_threads(process.pid())) {
    maps = os::read_maps(tid);
    if (!maps.empty()) return maps;
  }
  throw ProcessGone(fmt::format("process {} is dead and has no memory any more", process.pid()));
}

/// The executable as the maps name it.
std::string executable_of(const Process& process) {
  std::string path = process.executable();
  constexpr std::string_view mark = " (deleted)";
  if (path.ends_with(mark)) path.resize(path.size() - mark.size());
  return path;
}

/// The table of a mapped file, found in whatever way leads to the very file that the process has.
std::shared_ptr<const symbols::SymbolTable> load_table(Process& process, const MemoryMap& map, bool program) {
  if (map.path == "[vdso]") {
    Bytes image(map.size());
    image.resize(process.memory().read(map.start, image));
    return symbols::table_of_image(std::move(image));
  }
  // Neither of the first two minds that the file was deleted or replaced, or that the process has another root; but the
  // second is for the privileged only.
  const std::string proc = fmt::format("/proc/{}", process.pid());
  if (program) {
    if (auto table = symbols::table_of_file(proc + "/exe")) return table;
  }
  if (auto table = symbols::table_of_file(fmt::format("{}/map_files/{:x}-{:x}", proc, map.start, map.end)))
    return table;
  return symbols::table_of_file(proc + "/root" + map.path);
}

}  // namespace

MemoryMaps memory_maps(const Process& process) {
  if (process.pid() == 0) throw UsageError("there is no process yet: call run() or attach() first");
  if (process.gone()) {
    const char* why = process.dead() ? "is dead and has no memory any more" : "was detached";
    throw ProcessGone(fmt::format("process {} {}", process.pid(), why));
  }
  std::vector<MemoryMap> maps;
  for (os::Mapping& from : read_maps_of_any_thread(process)) {
    maps.push_back({.start = from.start,
                    .end = from.end,
                    .readable = from.readable,
                    .writable = from.writable,
                    .executable = from.executable,
                    .shared = from.shared,
                    .offset = from.offset,
                    .inode = from.inode,
                    .path = std::move(from.name)});
  }
  return {std::move(maps), executable_of(process)};
}

Modules modules_of(Process& process) {
  return {memory_maps(process),
          [&process](const MemoryMap& map, bool program) { return load_table(process, map, program); }};
}

}  // namespace trapline::core
