#include "core/slots.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>

#include <trapline/error.hpp>

#include "core/process.hpp"
#include "core/process_maps.hpp"
#include "core/remote.hpp"
#include "core/syscall_dispatch.hpp"
#include "core/syscall_handlers.hpp"

namespace trapline::core {
namespace {

constexpr Address slot_size = sizeof(arch::SlotCode::bytes);
constexpr Address area_size = Address{64} * 1024;
constexpr std::size_t slots_per_area = area_size / slot_size;
/// A displacement reaches 2 GiB; the instruction's operand may itself be far from it.
constexpr Address reach = Address{1} << 30;
/// Below this nothing may be mapped (vm.mmap_min_addr).
constexpr Address lowest = 0x10000;
/// Linux 4.17; older kernels take the address as a wish, which may end out of reach.
constexpr std::uint64_t map_fixed_noreplace = 0x100000;

/// Room for an area below a mapping near the site. Not above one: a heap grows there; and not below a stack.
std::optional<Address> find_room(const MemoryMaps& maps, Address site) {
  std::optional<Address> best;
  Address free_from = lowest;
  const auto distance = [&](Address at) { return at > site ? at - site : site - at; };
  for (const MemoryMap& map : maps) {
    const bool fits = map.start >= free_from && map.start - free_from >= 2 * area_size;
    if (fits && map.path != "[stack]" && map.path != "[vsyscall]") {
      const Address at = map.start - area_size;
      if (distance(at) < reach && (!best || distance(at) < distance(*best))) best = at;
    }
    free_from = map.end;
  }
  return best;
}

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
  const auto room = find_room(memory_maps(*thread.process), site);
  if (!room) return false;
  struct Mapping {
    explicit Mapping(bool& flag) : on(flag) { on = true; }
    ~Mapping() { on = false; }
    bool& on;
  } const mapping(mapping_);
  Remote remote(thread);
  const SyscallArgs args{
      *room, area_size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | map_fixed_noreplace, ~std::uint64_t{0}, 0};
  const std::int64_t result = remote.call(resolve(remote.abi(), remote.abi() == Abi::i386 ? "mmap2" : "mmap"), args);
  remote.finish();
  if (result < 0 && result > -4096) {
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
    static_cast<void>(remote.call(resolve(remote.abi(), "munmap"), {area.start, area_size}));
    remote.finish();
  }
  areas_.clear();
}

}  // namespace trapline::core
