#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "arch/instruction.hpp"
#include "core/breakpoint_places.hpp"
#include "core/breakpoint_trap.hpp"
#include "core/code_window.hpp"
#include "core/library_watch.hpp"
#include "core/modules.hpp"
#include "core/slots.hpp"
#include "core/watchpoints.hpp"

namespace trapline::core {

class Process;

/// An address with a trap instruction, and the traps that share it.
struct Site {
  using Traps = std::vector<std::shared_ptr<BreakpointTrap>>;

  Address address = 0;
  arch::TrapPlan plan;
  /// In the order in which they were placed. Immutable, so that a dispatch under way goes on while callbacks place and
  /// remove traps.
  std::shared_ptr<const Traps> traps;
  const Slot* slot = nullptr;
  /// There can be no slot for it.
  bool slotless = false;
  /// The program may write its code.
  bool changeable = false;
  /// TraceeMemory::writes when the plan was made or looked at.
  std::size_t writes_seen = 0;
};

/// The breakpoints and watchpoints of a process: those placed, and where they are in the present image. On the tracer
/// thread.
class Breakpoints {
 public:
  /// How a thread gets past a trap: chosen by cost, or one of them for tests.
  enum class Path { cheapest, emulation, slot, in_place };
  using Unknown = BreakpointPlaces::Unknown;

  explicit Breakpoints(Process& process)
      : process_(process), places_(process), watchpoints_(process), libraries_(process) {}

  /// Places a trap, at once when there is an image; throws SymbolError or UsageError where it cannot be.
  void add(const std::shared_ptr<BreakpointTrap>& trap);
  /// A trap of ours that no user sees; it is not kept for the next image.
  [[nodiscard]] std::shared_ptr<BreakpointTrap> add_internal(Address address,
                                                             std::function<Verdict(ThreadState&)> on_hit);
  /// It was enabled, disabled or removed.
  void update(BreakpointTrap& trap);
  [[nodiscard]] bool armed(const BreakpointTrap& trap);

  /// The user's traps that have no place in this image.
  [[nodiscard]] std::vector<std::shared_ptr<BreakpointTrap>> placeless() const;

  // The life of an image.
  /// A new run begins: nothing is armed, and the counts are zero.
  void begin();
  /// The image is there: arms everything.
  void image_ready(Unknown unknown);
  /// The process is a child of that one and has its traps too; they are armed once it has memory of its own.
  void inherit(const Breakpoints& parent);
  /// Another image took its place (exec): traps at bare addresses mean nothing in it.
  void image_replaced();
  /// Something was loaded or unloaded.
  void libraries_changed();
  /// Somebody wants to be told of that, or nobody does any more.
  void libraries_wanted();
  /// Takes all traps out of the memory.
  void lift_all();
  /// Lets go of all traps, which keep handles that lead back here.
  void dissolve();

  // Hits.
  [[nodiscard]] Site* find(Address address);
  /// There was a trap in this image, which a thread may have run into before it went.
  [[nodiscard]] bool was_at(Address address) const { return lifted_.contains(address); }
  /// False when no stop needs a look.
  [[nodiscard]] bool in_use() const {
    return !sites_.empty() || !lifted_.empty() || slots_.mapped() || watchpoints_.in_use();
  }
  /// The same of another image's, whose memory this is now.
  void expect_hits_of(const Breakpoints& others);
  [[nodiscard]] Slots& slots() { return slots_; }
  [[nodiscard]] Watchpoints& watchpoints() { return watchpoints_; }
  [[nodiscard]] Path path() const { return path_; }
  void force(Path path) { path_ = path; }
  /// For the code of this image.
  [[nodiscard]] const arch::Decoder& decoder();
  /// What is loaded; asked anew only when something has run since.
  [[nodiscard]] const Modules& modules() { return places_.modules(); }

 private:
  [[nodiscard]] Placement* placement_of(const BreakpointTrap& trap);
  [[nodiscard]] std::vector<std::uint64_t> orders() const;
  void set_address(Placement& placement, Address address);
  void arm(Placement& placement, Unknown unknown);
  void arm_at(Placement& placement, const std::vector<Address>& places);
  /// False when the memory cannot be written.
  bool plant(const std::shared_ptr<BreakpointTrap>& trap, Address address);
  /// Gives what is there without it; 0 bytes when it cannot be put there.
  [[nodiscard]] std::size_t put_trap(const Site& site, std::span<std::byte> original);
  void unplant(const BreakpointTrap& trap, Address address);
  void disarm(Placement& placement);
  /// The same for a place that appears, or went away, while the program runs: nobody is there to hear of an error.
  void arm_late(Placement& placement);
  [[nodiscard]] bool in_place(const Placement& placement);
  void forget_places();
  void forget_image();
  void watch_loader();
  void unwatch_loader();

  Process& process_;
  BreakpointPlaces places_;
  /// In the order in which they were placed; trapline's own are among them for as long as the image lives.
  std::map<std::uint64_t, Placement> traps_;
  std::uint64_t next_order_ = 0;
  std::unordered_map<Address, std::unique_ptr<Site>> sites_;
  std::unordered_set<Address> lifted_;
  Slots slots_;
  Watchpoints watchpoints_;
  Path path_ = Path::cheapest;
  bool image_ready_ = false;
  std::shared_ptr<BreakpointTrap> loader_;
  LibraryWatch libraries_;
  std::optional<arch::Decoder> decoder_;
  Arch decoder_arch_{};
  CodeWindow code_;
};

}  // namespace trapline::core
