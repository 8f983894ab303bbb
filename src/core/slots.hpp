#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <trapline/types.hpp>

#include "arch/instruction.hpp"
#include "arch/relocate.hpp"

namespace trapline::core {

class Process;
class ThreadState;

/// Code in the tracee that does what one trapped instruction does, so that the trap can stay where it is.
struct Slot {
  Address start = 0;
  /// The trapped instruction.
  Address site = 0;
  arch::Flow flow = arch::Flow::next;
  bool repeats = false;
  arch::SlotCode code;

  [[nodiscard]] bool contains(Address pc) const { return pc >= start && pc < start + code.size; }
  /// Where a thread at `pc` in the slot would be without us.
  [[nodiscard]] Address stands_for(Address pc) const;
};

/// The scratch slots of a process, in mappings of ours near its code. A slot stays for the life of the image: some
/// thread may be in it. On the tracer thread.
class Slots {
 public:
  /// Makes a slot; the first one near some code maps memory, by a call in the given thread, which is at rest. nullptr
  /// where that is not possible.
  [[nodiscard]] const Slot* make(ThreadState& thread, Address site, const arch::TrapPlan& plan);
  /// The slot around an address.
  [[nodiscard]] const Slot* find(Address pc) const;
  /// A signal frame of the program may lead back into a slot: it stays mapped for ever, and every stop is looked at.
  void pin() { pinned_ = true; }
  [[nodiscard]] bool pinned() const { return pinned_; }
  /// Memory for slots is being mapped: who needs one meanwhile gets none.
  [[nodiscard]] bool mapping() const { return mapping_; }
  /// Unmaps all of it, by calls in the given thread, unless pinned.
  void unmap(ThreadState& thread);
  [[nodiscard]] bool mapped() const { return !areas_.empty(); }

 private:
  struct Area {
    Address start = 0;
    std::vector<std::unique_ptr<Slot>> slots;
  };

  [[nodiscard]] const Slot* make_in(Area& area, Process& process, Address site, const arch::TrapPlan& plan) const;
  [[nodiscard]] bool map_near(ThreadState& thread, Address site);

  std::vector<Area> areas_;
  bool pinned_ = false;
  bool refused_ = false;
  bool mapping_ = false;
};

}  // namespace trapline::core
