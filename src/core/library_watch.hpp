#pragma once

#include <map>
#include <vector>

#include <trapline/catchpoint.hpp>

#include "core/modules.hpp"
#include "core/verdict.hpp"

namespace trapline::core {

class Process;
class ThreadState;
struct LoadedObjects;

/// Knows which libraries are loaded in a process, as long as somebody wants to be told of changes. On the tracer
/// thread.
class LibraryWatch {
 public:
  explicit LibraryWatch(Process& process) : process_(process) {}

  /// What is there already is not told.
  void begin(const Modules& modules);
  void end();
  [[nodiscard]] bool begun() const { return begun_; }
  /// At the loader's event: tells the catchpoints what has come and gone since.
  [[nodiscard]] Verdict on_event(ThreadState& thread);

 private:
  /// By the address of the dynamic section.
  using Known = std::map<Address, Library>;

  [[nodiscard]] std::vector<Library> changes_to(const LoadedObjects& now, const MemoryMaps& maps);

  Process& process_;
  bool begun_ = false;
  Known known_;
};

}  // namespace trapline::core
