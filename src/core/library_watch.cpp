#include "core/library_watch.hpp"

#include <algorithm>
#include <utility>

#include "core/catchpoints.hpp"
#include "core/loader.hpp"
#include "core/process.hpp"
#include "core/trap_dispatch.hpp"

namespace trapline::core {
namespace {

/// The file that is mapped there, whose path does not depend on a working directory; what the loader says otherwise.
std::string path_of(const LoadedObject& object, const MemoryMaps& maps) {
  const MemoryMap* const map = maps.at(object.dynamic);
  return map != nullptr && !map->path.empty() ? map->path : object.name;
}

}  // namespace

void LibraryWatch::begin(const Modules& modules) {
  end();
  static_cast<void>(changes_to(loaded_objects(process_, modules), modules.maps()));
  begun_ = true;
}

void LibraryWatch::end() {
  begun_ = false;
  known_.clear();
}

std::vector<Library> LibraryWatch::changes_to(const LoadedObjects& now, const MemoryMaps& maps) {
  Known before = std::move(known_);
  known_.clear();
  std::vector<Library> loaded;
  for (const LoadedObject& object : now.objects) {
    // The loader itself is in the list of each namespace.
    if (known_.contains(object.dynamic)) continue;
    const auto old = before.find(object.dynamic);
    if (old != before.end() && old->second.base == object.base) {
      known_.insert(before.extract(old));
      continue;
    }
    Library library{.path = path_of(object, maps), .base = object.base};
    if (library.path != "[vdso]") loaded.push_back(library);
    known_.emplace(object.dynamic, std::move(library));
  }
  std::vector<Library> changes;
  for (auto& [dynamic, library] : before) {
    if (library.path == "[vdso]") continue;
    library.loaded = false;
    changes.push_back(std::move(library));
  }
  changes.insert(changes.end(), std::make_move_iterator(loaded.begin()), std::make_move_iterator(loaded.end()));
  return changes;
}

Verdict LibraryWatch::on_event(ThreadState& thread) {
  if (!process_.catchpoints().wants(Lifecycle::library)) return Verdict::go_on;
  const Modules& modules = process_.breakpoints().modules();
  const LoadedObjects now = loaded_objects(process_, modules);
  // It also comes before each change.
  if (now.changing) return Verdict::go_on;
  bool stop = false;
  for (const Library& library : changes_to(now, modules.maps())) {
    stop |= run_catchpoints(thread, Lifecycle::library, {.library = library}) == Verdict::stop;
    if (cut_short(thread)) return Verdict::go_on;
  }
  // The last one that wanted it may have been for one event only.
  process_.breakpoints().libraries_wanted();
  return stop ? Verdict::stop : Verdict::go_on;
}

}  // namespace trapline::core
