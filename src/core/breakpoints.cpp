#include "core/breakpoints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/loader.hpp"
#include "core/location.hpp"
#include "core/process.hpp"
#include "core/process_maps.hpp"
#include "support/log.hpp"

namespace trapline::core {

namespace {

constexpr Address nowhere = BreakpointTrap::nowhere;

template <class Options>
void take_common(BreakpointTrap& trap, Options& options) {
  if (options.callback) trap.callback = std::make_shared<const BreakpointCallback>(std::move(options.callback));
  trap.pending_allowed = options.pending;
  trap.condition = std::move(options.condition);
  trap.thread = std::move(options.thread);
  trap.once = options.once;
  trap.ignore_count = options.ignore_count;
}

void refuse_empty(const Location& location) {
  if (!location.address() && location.text().empty()) {
    throw UsageError("an empty location: give an address or the name of a symbol");
  }
}

}  // namespace

std::shared_ptr<BreakpointTrap> make_breakpoint(const Location& location, BreakpointOptions options) {
  auto trap = std::make_shared<BreakpointTrap>(location);
  take_common(*trap, options);
  refuse_empty(location);
  trap->hardware = options.hardware;
  return trap;
}

std::shared_ptr<BreakpointTrap> make_watchpoint(const Location& location, WatchpointOptions options) {
  auto trap = std::make_shared<BreakpointTrap>(location);
  take_common(*trap, options);
  refuse_empty(location);
  trap->hardware = true;
  trap->access = options.access;
  trap->length = options.length;
  return trap;
}

void BreakpointTrap::changed(Process& owner) { owner.breakpoints().update(*this); }

const Modules& Breakpoints::modules() {
  const std::uint64_t epoch = process_.epoch();
  if (!modules_ || epoch != modules_epoch_ || process_.anyone_running()) {
    modules_.emplace(modules_of(process_));
    modules_epoch_ = epoch;
  }
  return *modules_;
}

const arch::Decoder& Breakpoints::decoder() {
  if (!decoder_ || decoder_arch_ != process_.arch()) {
    decoder_arch_ = process_.arch();
    decoder_.emplace(decoder_arch_);
  }
  return *decoder_;
}

bool Breakpoints::may_wait(const BreakpointTrap& trap) {
  if (trap.pending_allowed) return true;
  const std::string& module = trap.location.module();
  return !module.empty() && modules().maps().filter(module).empty();
}

std::optional<Address> Breakpoints::locate_numeric(BreakpointTrap& trap) {
  // Of an earlier run: the same place in the same file.
  for (const MemoryMap& map : modules().maps()) {
    if (map.path == trap.file->path && trap.file->offset >= map.offset && trap.file->offset < map.offset + map.size()) {
      return map.start + (trap.file->offset - map.offset);
    }
  }
  return std::nullopt;
}

std::optional<Address> Breakpoints::locate(BreakpointTrap& trap, Unknown unknown) {
  if (trap.dropped) return std::nullopt;
  if (trap.file) return locate_numeric(trap);
  Address address = nowhere;
  try {
    address = resolve(trap.location, modules());
  } catch (const SymbolError&) {
    // A debug register watches what is not mapped yet.
    if (trap.uses_debug_register() && trap.location.address() && trap.location.module().empty())
      return *trap.location.address();
    if (unknown == Unknown::throws && !may_wait(trap)) throw;
    return std::nullopt;
  }
  if (trap.location.address() && trap.location.module().empty()) {
    const MemoryMap* map = modules().maps().at(address);
    if (map != nullptr && map->inode != 0) {
      trap.file = {.path = map->path, .offset = address - map->start + map->offset};
    }
  }
  return address;
}

void Breakpoints::check_place(const BreakpointTrap& trap, Address address, Unknown unknown) {
  if (unknown == Unknown::waits || trap.internal) return;
  const MemoryMap* map = modules().maps().at(address);
  if (map != nullptr && map->executable) return;
  throw UsageError(fmt::format(
      "breakpoint({}): {:#x} is {}, where nothing is executed; to see reads and writes there, place a watchpoint",
      trap.location.text(), address,
      map == nullptr
          ? "not mapped"
          : fmt::format("in {} ({})", map->path.empty() ? "anonymous memory" : map->path, map->permissions())));
}

void Breakpoints::put_at(const std::shared_ptr<BreakpointTrap>& trap, Address address) {
  auto& site = sites_[address];
  auto traps = std::make_shared<Site::Traps>();
  if (site) {
    *traps = *site->traps;
  } else {
    auto fresh = std::make_unique<Site>();
    fresh->address = address;
    std::array<std::byte, 16> bytes{};
    const std::size_t count = process_.memory().plant(address, arch::info(process_.arch()).trap_instruction, bytes);
    if (count == 0) {
      sites_.erase(address);
      return;
    }
    fresh->plan = decoder().plan(std::span(bytes).first(count), address);
    const MemoryMap* map = modules().maps().at(address);
    fresh->changeable = map == nullptr || map->writable || map->inode == 0;
    fresh->writes_seen = process_.memory().writes();
    site = std::move(fresh);
  }
  const auto later = std::ranges::find_if(*traps, [&](const auto& other) { return other->order > trap->order; });
  traps->insert(later, trap);
  site->traps = std::move(traps);
  trap->address = address;
}

void Breakpoints::arm(const std::shared_ptr<BreakpointTrap>& trap, Unknown unknown) {
  if (!trap->live() || trap->address != nowhere) return;
  const auto address = locate(*trap, unknown);
  if (!address) return;
  if (trap->uses_debug_register()) {
    watchpoints_.put_at(trap, *address);
    return;
  }
  check_place(*trap, *address, unknown);
  put_at(trap, *address);
}

void Breakpoints::arm_late(const std::shared_ptr<BreakpointTrap>& trap) {
  if (!trap->uses_debug_register()) {
    arm(trap, Unknown::waits);
    return;
  }
  try {
    arm(trap, Unknown::waits);
  } catch (const UsageError& error) {
    support::log(LogCategory::process, [&] { return std::string(error.what()); });
  } catch (const OsError& error) {
    support::log(LogCategory::process, [&] { return std::string(error.what()); });
  }
}

bool Breakpoints::moved_away(BreakpointTrap& trap) {
  // A debug register does not notice that its library went.
  const bool bare = trap.location.address() && trap.location.module().empty();
  return trap.uses_debug_register() && !bare && locate(trap, Unknown::waits) != trap.address.load();
}

void Breakpoints::disarm(BreakpointTrap& trap) {
  const Address address = trap.address.exchange(nowhere);
  if (address == nowhere) return;
  if (trap.uses_debug_register()) {
    watchpoints_.remove(trap);
    return;
  }
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
  if (image_ready_ && !process_.gone()) {
    arm(trap, Unknown::throws);
    if (trap->address == nowhere) {
      watch_loader();
      support::log(LogCategory::process, [&] {
        return fmt::format("the trap at {} waits for a library that has it", trap->location.text());
      });
    }
  }
  traps_.emplace(trap->order, trap);
}

std::shared_ptr<BreakpointTrap> Breakpoints::add_internal(Address address,
                                                          std::function<Verdict(ThreadState&)> on_hit) {
  auto trap = std::make_shared<BreakpointTrap>(Location(address));
  trap->process = process_.weak_from_this();
  trap->internal = std::move(on_hit);
  trap->order = next_order_++;
  put_at(trap, address);
  return trap;
}

void Breakpoints::update(BreakpointTrap& trap) {
  if (!trap.live()) {
    disarm(trap);
    if (trap.removed) traps_.erase(trap.order);
    return;
  }
  const auto found = traps_.find(trap.order);
  if (found == traps_.end() || !image_ready_ || process_.gone()) return;
  try {
    // What the program has written over it is not there any more.
    if (trap.address != nowhere && !armed(trap)) disarm(trap);
    arm(found->second, Unknown::waits);
  } catch (const ProcessGone&) {
    // Its death is on its way; the next run arms it.
  } catch (const Error&) {
    trap.enabled = false;
    throw;
  }
}

bool Breakpoints::armed(const BreakpointTrap& trap) {
  if (trap.address == nowhere || !trap.live() || process_.gone()) return false;
  return trap.uses_debug_register() || process_.memory().intact(trap.address);
}

void Breakpoints::forget_image() {
  sites_.clear();
  lifted_.clear();
  slots_ = {};
  watchpoints_.forget();
  modules_.reset();
  loader_.reset();
  image_ready_ = false;
  for (const auto& [order, trap] : traps_) trap->address = nowhere;
}

void Breakpoints::begin() {
  forget_image();
  for (const auto& [order, trap] : traps_) {
    trap->reset();
    // A place in a file means something again.
    if (trap->file) trap->dropped = false;
    trap->old_value.reset();
    trap->new_value.reset();
  }
}

void Breakpoints::image_ready(Unknown unknown) {
  image_ready_ = true;
  if (traps_.empty()) return;
  const auto traps = traps_;
  for (const auto& [order, trap] : traps) {
    if (unknown == Unknown::throws) {
      arm(trap, unknown);
    } else {
      arm_late(trap);
    }
  }
  watch_loader();
}

void Breakpoints::image_replaced() {
  forget_image();
  for (const auto& [order, trap] : traps_) {
    if (!trap->location.address() || !trap->location.module().empty() || trap->dropped) continue;
    trap->dropped = true;
    support::log(LogCategory::process, [&trap = trap] {
      return fmt::format("the trap at {} is dropped: the process executes another program", trap->location.text());
    });
  }
  image_ready(Unknown::waits);
}

void Breakpoints::watch_loader() {
  if (loader_ && sites_.contains(loader_->address)) return;
  const auto at = loader_event_address(process_, modules());
  if (!at) return;
  loader_ = add_internal(*at, [this](ThreadState&) {
    libraries_changed();
    return Verdict::go_on;
  });
}

void Breakpoints::libraries_changed() {
  const auto traps = traps_;
  for (const auto& [order, trap] : traps) {
    if (trap->address != nowhere && (!armed(*trap) || moved_away(*trap))) disarm(*trap);
    arm_late(trap);
  }
}

void Breakpoints::lift_all() {
  watchpoints_.clear();
  for (const auto& [address, site] : sites_) {
    process_.memory().lift(address);
    // A child that shares the memory may have run into it and not been seen yet.
    lifted_.insert(address);
  }
  sites_.clear();
  loader_.reset();
  for (const auto& [order, trap] : traps_) trap->address = nowhere;
  image_ready_ = false;
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
