#include "core/breakpoints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/loader.hpp"
#include "core/process.hpp"
#include "support/log.hpp"

namespace trapline::core {
namespace {

constexpr Address nowhere = BreakpointTrap::nowhere;

}  // namespace

const arch::Decoder& Breakpoints::decoder() {
  if (!decoder_ || decoder_arch_ != process_.arch()) {
    decoder_arch_ = process_.arch();
    decoder_.emplace(decoder_arch_);
  }
  return *decoder_;
}

Placement* Breakpoints::placement_of(const BreakpointTrap& trap) {
  const auto found = traps_.find(trap.order);
  return found == traps_.end() || found->second.trap.get() != &trap ? nullptr : &found->second;
}

std::vector<std::uint64_t> Breakpoints::orders() const {
  std::vector<std::uint64_t> orders;
  orders.reserve(traps_.size());
  for (const auto& [order, placement] : traps_) orders.push_back(order);
  return orders;
}

void Breakpoints::set_address(Placement& placement, Address address) {
  placement.address = address;
  if (placement.trap->process.lock().get() == &process_) placement.trap->address = address;
}

std::size_t Breakpoints::put_trap(const Site& site, std::span<std::byte> original) {
  const ByteView trap = arch::info(process_.arch()).trap_instruction;
  TraceeMemory& memory = process_.memory();
  if (site.changeable || !code_.read(process_, site.address, original)) {
    return memory.plant(site.address, trap, original);
  }
  return memory.plant_over(site.address, trap, original.first(trap.size())) ? original.size() : 0;
}

bool Breakpoints::plant(const std::shared_ptr<BreakpointTrap>& trap, Address address) {
  auto& site = sites_[address];
  auto traps = std::make_shared<Site::Traps>();
  if (site) {
    *traps = *site->traps;
  } else {
    auto fresh = std::make_unique<Site>();
    fresh->address = address;
    const MemoryMap* map = modules().maps().at(address);
    fresh->changeable = map == nullptr || map->writable || map->inode == 0;
    if (!process_.kill_on_exit()) process_.tracer().guard();
    std::array<std::byte, 16> bytes{};
    const std::size_t count = put_trap(*fresh, bytes);
    if (count == 0) {
      sites_.erase(address);
      return false;
    }
    fresh->plan = decoder().plan(std::span(bytes).first(count), address);
    fresh->writes_seen = process_.memory().writes();
    site = std::move(fresh);
  }
  const auto later = std::ranges::find_if(*traps, [&](const auto& other) { return other->order > trap->order; });
  traps->insert(later, trap);
  site->traps = std::move(traps);
  return true;
}

void Breakpoints::arm_at(Placement& placement, const std::vector<Address>& places) {
  if (!placement.trap->uses_debug_register()) {
    for (const Address address : places) {
      if (!plant(placement.trap, address)) continue;
      if (placement.address == nowhere) {
        set_address(placement, address);
      } else {
        placement.others.push_back(address);
      }
    }
    return;
  }
  const Address address = places.front();
  // While all come to rest for it, it may be disabled again.
  const auto trap = placement.trap;
  set_address(placement, address);
  try {
    watchpoints_.put_at(trap, address);
  } catch (...) {
    if (Placement* const still = placement_of(*trap)) set_address(*still, nowhere);
    throw;
  }
}

void Breakpoints::arm(Placement& placement, Unknown unknown) {
  if (!placement.trap->live() || placement.address != nowhere) return;
  const std::vector<Address> places = places_.locate(placement, unknown);
  if (places.empty()) return;
  if (!placement.trap->uses_debug_register()) {
    for (const Address address : places) places_.check_place(*placement.trap, address, unknown);
  }
  arm_at(placement, places);
}

void Breakpoints::arm_late(Placement& placement) {
  if (!placement.trap->uses_debug_register()) {
    arm(placement, Unknown::waits);
    return;
  }
  try {
    arm(placement, Unknown::waits);
  } catch (const UsageError& error) {
    support::log(LogCategory::process, [&] { return std::string(error.what()); });
  } catch (const OsError& error) {
    support::log(LogCategory::process, [&] { return std::string(error.what()); });
  }
}

void Breakpoints::disarm(Placement& placement) {
  const Address address = placement.address;
  if (address == nowhere) return;
  BreakpointTrap& trap = *placement.trap;
  set_address(placement, nowhere);
  if (trap.uses_debug_register()) {
    watchpoints_.remove(trap);
    return;
  }
  unplant(trap, address);
  for (const Address other : std::exchange(placement.others, {})) unplant(trap, other);
}

void Breakpoints::unplant(const BreakpointTrap& trap, Address address) {
  const auto found = sites_.find(address);
  if (found == sites_.end()) return;
  Site& site = *found->second;
  auto traps = std::make_shared<Site::Traps>(*site.traps);
  std::erase_if(*traps, [&](const auto& entry) { return entry.get() == &trap; });
  if (!traps->empty()) {
    site.traps = std::move(traps);
    return;
  }
  try {
    process_.memory().lift(address);
  } catch (const ProcessGone&) {
    // Nothing is left to clean.
  }
  lifted_.insert(address);
  sites_.erase(found);
}

void Breakpoints::add(const std::shared_ptr<BreakpointTrap>& trap) {
  trap->order = next_order_++;
  if (trap->uses_debug_register()) watchpoints_.check(*trap, trap->location.address().value_or(0));
  Placement& placement = traps_.emplace(trap->order, Placement{trap}).first->second;
  if (!image_ready_ || process_.gone()) return;
  try {
    arm(placement, Unknown::throws);
  } catch (...) {
    traps_.erase(trap->order);
    throw;
  }
  const Placement* const still = placement_of(*trap);
  if (still == nullptr || still->address != nowhere) return;
  watch_loader();
  support::log(LogCategory::process,
               [&] { return fmt::format("the trap at {} waits for a library that has it", trap->location.text()); });
}

std::shared_ptr<BreakpointTrap> Breakpoints::add_internal(Address address,
                                                          std::function<Verdict(ThreadState&)> on_hit) {
  auto trap = std::make_shared<BreakpointTrap>(Location(address));
  trap->process = process_.weak_from_this();
  trap->internal = std::move(on_hit);
  trap->order = next_order_++;
  Placement& placement = traps_.emplace(trap->order, Placement{trap}).first->second;
  if (plant(trap, address)) set_address(placement, address);
  return trap;
}

void Breakpoints::update(BreakpointTrap& trap) {
  Placement* const placement = placement_of(trap);
  if (placement == nullptr) return;
  if (!trap.live()) {
    const auto alive = placement->trap;
    disarm(*placement);
    if (trap.removed) traps_.erase(trap.order);
    return;
  }
  if (!image_ready_ || process_.gone()) return;
  try {
    // What the program has written over it is not there any more.
    if (placement->address != nowhere && !in_place(*placement)) disarm(*placement);
    arm(*placement, Unknown::waits);
  } catch (const ProcessGone&) {
    // Its death is on its way; the next run arms it.
  } catch (const Error&) {
    trap.enabled = false;
    throw;
  }
}

bool Breakpoints::armed(const BreakpointTrap& trap) {
  const Placement* const placement = placement_of(trap);
  return placement != nullptr && trap.live() && !process_.gone() && in_place(*placement);
}

bool Breakpoints::in_place(const Placement& placement) {
  if (placement.address == nowhere) return false;
  return placement.trap->uses_debug_register() || process_.memory().intact(placement.address);
}

void Breakpoints::forget_places() {
  sites_.clear();
  loader_.reset();
  libraries_.end();
  image_ready_ = false;
  std::erase_if(traps_, [](const auto& entry) { return bool(entry.second.trap->internal); });
  for (auto& [order, placement] : traps_) {
    set_address(placement, nowhere);
    placement.others.clear();
  }
}

void Breakpoints::forget_image() {
  forget_places();
  lifted_.clear();
  slots_ = {};
  watchpoints_.forget();
  places_.forget();
  code_ = {};
}

std::vector<std::shared_ptr<BreakpointTrap>> Breakpoints::placeless() const {
  std::vector<std::shared_ptr<BreakpointTrap>> result;
  for (const auto& [order, placement] : traps_) {
    const BreakpointTrap& trap = *placement.trap;
    const bool missing = image_ready_ && placement.address == nowhere && !placement.dropped;
    if (missing && trap.live() && !trap.internal && trap.hits == 0) result.push_back(placement.trap);
  }
  return result;
}

void Breakpoints::begin() {
  forget_image();
  for (auto& [order, placement] : traps_) {
    placement.trap->reset();
    // A place in a file means something again.
    if (placement.file) placement.dropped = false;
    placement.trap->old_value.reset();
    placement.trap->new_value.reset();
  }
}

void Breakpoints::image_ready(Unknown unknown) {
  image_ready_ = true;
  libraries_wanted();
  if (traps_.empty()) return;
  for (const std::uint64_t order : orders()) {
    const auto found = traps_.find(order);
    if (found == traps_.end()) continue;
    if (unknown == Unknown::throws) {
      arm(found->second, unknown);
    } else {
      arm_late(found->second);
    }
  }
  watch_loader();
}

void Breakpoints::inherit(const Breakpoints& parent) {
  next_order_ = parent.next_order_;
  for (const auto& [order, placement] : parent.traps_) {
    if (placement.trap->internal || placement.trap->thread) continue;
    Placement own = placement;
    own.address = nowhere;
    own.others.clear();
    traps_.emplace(order, std::move(own));
  }
}

void Breakpoints::image_replaced() {
  forget_image();
  for (auto& [order, placement] : traps_) {
    const Location& location = placement.trap->location;
    if (!location.address() || !location.module().empty() || placement.dropped) continue;
    placement.dropped = true;
    support::log(LogCategory::process, [&location] {
      return fmt::format("the trap at {} is dropped: the process executes another program", location.text());
    });
  }
  image_ready(Unknown::waits);
}

void Breakpoints::watch_loader() {
  if (loader_ && placement_of(*loader_) != nullptr && sites_.contains(placement_of(*loader_)->address)) return;
  const auto at = loader_event_address(process_, modules());
  if (!at) return;
  loader_ = add_internal(*at, [this](ThreadState& thread) {
    libraries_changed();
    return libraries_.on_event(thread);
  });
}

void Breakpoints::unwatch_loader() {
  const auto trap = std::exchange(loader_, nullptr);
  if (!trap) return;
  trap->removed = true;
  update(*trap);
}

void Breakpoints::libraries_wanted() {
  const bool wanted = image_ready_ && !process_.gone() && process_.catchpoints().wants(Lifecycle::library);
  if (wanted && !libraries_.begun()) {
    libraries_.begin(modules());
    watch_loader();
  }
  if (wanted || !libraries_.begun()) return;
  libraries_.end();
  // Breakpoints may wait for a library, or lose theirs.
  if (std::ranges::all_of(traps_, [](const auto& entry) { return bool(entry.second.trap->internal); }))
    unwatch_loader();
}

void Breakpoints::libraries_changed() {
  for (const std::uint64_t order : orders()) {
    const auto found = traps_.find(order);
    if (found == traps_.end() || found->second.trap->internal) continue;
    Placement& placement = found->second;
    if (placement.address != nowhere && (!in_place(placement) || places_.moved_away(placement))) disarm(placement);
    arm_late(placement);
  }
}

void Breakpoints::lift_all() {
  watchpoints_.clear();
  for (const auto& [address, site] : sites_) {
    process_.memory().lift(address);
    // A child that shares the memory may have run into it and not been seen yet.
    lifted_.insert(address);
  }
  forget_places();
}

void Breakpoints::dissolve() {
  forget_image();
  traps_.clear();
}

void Breakpoints::expect_hits_of(const Breakpoints& others) {
  lifted_.insert(others.lifted_.begin(), others.lifted_.end());
  for (const auto& [address, site] : others.sites_) lifted_.insert(address);
}

Site* Breakpoints::find(Address address) {
  const auto found = sites_.find(address);
  return found == sites_.end() ? nullptr : found->second.get();
}

}  // namespace trapline::core
