#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/breakpoint_trap.hpp"
#include "core/modules.hpp"

namespace trapline::core {

class Process;

/// A trap of a process, and where it is in the present image.
struct Placement {
  /// What a numeric address means in the next run.
  struct FilePlace {
    std::string path;
    std::uint64_t offset = 0;
  };

  std::shared_ptr<BreakpointTrap> trap;
  Address address = BreakpointTrap::nowhere;
  /// Where it is as well: a source line may begin in several functions, and wherever it was inlined.
  std::vector<Address> others{};
  std::optional<FilePlace> file{};
  /// It is a bare address of an earlier image: it means nothing in this one.
  bool dropped = false;
};

/// Finds out where the breakpoints and watchpoints of a process belong in the present image. On the tracer thread.
class BreakpointPlaces {
 public:
  /// What to do about a place that cannot be found.
  enum class Unknown { throws, waits };

  explicit BreakpointPlaces(Process& process) : process_(process) {}

  /// None as long as it has to wait for a library.
  [[nodiscard]] std::vector<Address> locate(Placement& placement, Unknown unknown);
  /// Throws UsageError where a trap instruction could never be executed.
  void check_place(const BreakpointTrap& trap, Address address, Unknown unknown);
  /// A debug register watches a place that means something else by now.
  [[nodiscard]] bool moved_away(Placement& placement);

  /// What is loaded; asked anew only when something has run since.
  [[nodiscard]] const Modules& modules();
  void forget() { modules_.reset(); }

 private:
  [[nodiscard]] std::optional<Address> locate_numeric(const Placement& placement);
  [[nodiscard]] bool may_wait(const BreakpointTrap& trap);

  Process& process_;
  std::optional<Modules> modules_;
  std::uint64_t modules_epoch_ = 0;
  unsigned modules_settings_ = 0;
};

}  // namespace trapline::core
