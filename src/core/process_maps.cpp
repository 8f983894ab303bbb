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
  return from_file(proc + "/root" + map.path);
}

std::shared_ptr<const symbols::SymbolTable> load_table(Process& process, const MemoryMap& map, bool program) {
  return load(process, map, program, symbols::table_of_file, symbols::table_of_image);
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
          [&process](const MemoryMap& map, bool program) { return load_table(process, map, program); },
          process.symbol_settings().get()};
}

std::shared_ptr<const symbols::CallFrames> load_call_frames(Process& process, const Module& module) {
  const bool program = module.path == executable_of(process);
  return load(process, module.map, program, symbols::call_frames_of_file, symbols::call_frames_of_image);
}

}  // namespace trapline::core
