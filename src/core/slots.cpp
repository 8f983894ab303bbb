#include "core/slots.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>

#include <trapline/error.hpp>

#include "core/process.hpp"
#include "core/process_maps.hpp"
#include "core/remote.hpp"
#include "core/room.hpp"
#include "core/thread_calls.hpp"

namespace trapline::core {
namespace {

constexpr Address slot_size = sizeof(arch::SlotCode::bytes);
constexpr Address area_size = Address{64} * 1024;
constexpr std::size_t slots_per_area = area_size / slot_size;
bool same_code(const Slot& slot, Arch arch, const arch::TrapPlan& plan) {
  const auto code = arch::relocate(plan, arch, slot.site, slot.start);
  return code && code->size == slot.code.size && code->bytes == slot.code.bytes;
}

}  // namespace

Address Slot::stands_for(Address pc) const {
  Address result = site;
  for (std::size_t i = 0; i < code.place_count; ++i) {
    if (start + code.places[i].offset <= pc) result = code.places[i].pc;
  }
  return result;
}

const Slot* Slots::make_in(Area& area, Process& process, Address site, const arch::TrapPlan& plan) const {
  if (area.slots.size() == slots_per_area) return nullptr;
  const Address start = area.start + area.slots.size() * slot_size;
  const auto code = arch::relocate(plan, process.arch(), site, start);
  if (!code || process.memory().write(start, std::span(code->bytes).first(code->size)) != code->size) return nullptr;
  area.slots.push_back(std::make_unique<Slot>(Slot{.start = start,
                                                   .site = site,
                                                   .flow = plan.instruction.flow,
                                                   .repeats = plan.instruction.repeats,
                                                   .code = *code}));
  return area.slots.back().get();
}

bool Slots::map_near(ThreadState& thread, Address site) {
  // A filter of the program's own may kill it for a call that it does not make itself.
  if (refused_ || mapping_ || thread.status.event() == os::WaitStatus::Event::exit || has_own_filters(thread))
    return false;
  const auto room = find_room(memory_maps(*thread.process), site, area_size);
  if (!room) return false;
  struct Mapping {
    explicit Mapping(bool& flag) : on(flag) { on = true; }
    ~Mapping() { on = false; }
    bool& on;
  } const mapping(mapping_);
  Remote remote(thread);
  const std::int64_t result = map_memory(
      remote, {.hint = *room, .size = area_size, .protection = PROT_READ | PROT_EXEC, .flags = map_fixed_noreplace});
  remote.finish();
  if (failed(result)) {
    refused_ = true;
    return false;
  }
  areas_.push_back({.start = static_cast<Address>(result), .slots = {}});
  return true;
}

const Slot* Slots::make(ThreadState& thread, Address site, const arch::TrapPlan& plan) {
  Process& process = *thread.process;
  // A trap that is taken out and put back must not use up memory each time.
  if (process.breakpoints().was_at(site)) {
    for (const Area& area : areas_) {
      for (const auto& slot : area.slots) {
        if (slot->site == site && same_code(*slot, process.arch(), plan)) return slot.get();
      }
    }
  }
  for (Area& area : areas_) {
    if (const Slot* slot = make_in(area, process, site, plan)) return slot;
  }
  return map_near(thread, site) ? make_in(areas_.back(), process, site, plan) : nullptr;
}

const Slot* Slots::find(Address pc) const {
  for (const Area& area : areas_) {
    if (pc < area.start || pc >= area.start + area.slots.size() * slot_size) continue;
    return area.slots[(pc - area.start) / slot_size].get();
  }
  return nullptr;
}

void Slots::unmap(ThreadState& thread) {
  if (pinned_) return;
  for (const Area& area : areas_) {
    Remote remote(thread);
    unmap_memory(remote, area.start, area_size);
    remote.finish();
  }
  areas_.clear();
}

}  // namespace trapline::core
